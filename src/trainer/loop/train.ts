import { setImmediate } from 'node:timers/promises';
import {
  type Logger,
  mean,
  type Progress,
  type Random,
  restoreRandom,
  seededRandom,
  throwIfAborted,
  VamoError,
} from '../../core/index.ts';
import {
  initialParameters,
  type ModelIo,
  type ModelSettings,
  type ParameterPlan,
  parameterPlan,
  type ParameterVectors,
} from '../../model/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import type { LossRecord, RunRecord, Split, StepRecord } from '../run-record.ts';
import { SPLITS } from '../run-record.ts';
import type { BatchLosses } from '../step/evaluator.ts';
import { batchCounts } from '../step/counts.ts';
import { parametersOf } from '../step/session.ts';
import { batchesOf } from './batches.ts';
import { loadCheckpoint, saveCheckpoint, type TrainingState } from './checkpoint.ts';
import { byTask, type Dataset, requireEveryTask } from './dataset.ts';
import { createSampler, type Sampler } from './sampler.ts';
import { splitLosses } from './split-losses.ts';
import { createTrainee, modelCount, type Trainee, type TrainingSettings } from './trainee.ts';

/** Streams of the run's seed. */
const TRAIN_STREAM = 11;
const VALIDATION_STREAM = 12;
const WEIGHTING_STREAM = 13;

/** Trajectories of a task that are enough to know a split's final loss. */
const ENOUGH = 512;

export interface TrainOptions {
  readonly dataset: Dataset;
  readonly model: ModelSettings;
  readonly training: TrainingSettings;
  /** Updates to make. */
  readonly steps: number;
  readonly seed: number;
  /** Fine-tune from these; null = fresh parameters of `seed`. */
  readonly parent: {
    readonly version: string;
    readonly models: readonly ParameterVectors[];
  } | null;
  /** Names everything that determines the run; see `TrainingState.runKey`. */
  readonly runKey: string;
  /** The run directory. */
  readonly store: ObjectStore;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
  /** Told when it goes on from a checkpoint. */
  readonly onResume?: ((step: number, steps: number) => void) | undefined;
  readonly log: Logger;
}

export interface TrainResult {
  readonly plan: ParameterPlan;
  readonly io: ModelIo;
  readonly counts: readonly number[];
  /** Before the first step: fresh, or the parent's. */
  readonly initial: readonly ParameterVectors[];
  /** One set of parameters, or one a task. */
  readonly models: readonly ParameterVectors[];
  readonly record: RunRecord;
}

/** A run between its first and its last step. */
interface Run {
  readonly options: TrainOptions;
  /** Training trajectories of each task. */
  readonly sizes: readonly number[];
  readonly trainee: Trainee;
  readonly samplers: { readonly train: Sampler; readonly validation: Sampler };
  readonly random: Random;
  readonly history: StepRecord[];
  readonly evaluations: LossRecord[];
  step: number;
}

/** The dataset's sizes: steps a day and features from its first trajectory. */
function ioOf({ tasks, splits }: Dataset): ModelIo {
  const first = splits.train.trajectories[0]?.read();
  const steps = first?.mask.length ?? 0;
  const features = (first?.states.length ?? 0) / (steps + 1);
  const [, history, channels] = splits.train.market?.shape ?? [];
  return {
    tasks: tasks.length,
    steps,
    features,
    ...(history !== undefined && channels !== undefined && { market: { history, channels } }),
  };
}

function initialModels(plan: ParameterPlan, options: TrainOptions): readonly ParameterVectors[] {
  const { dataset, training, seed, parent } = options;
  const wanted = modelCount(training.method, dataset.tasks.length);
  if (parent === null)
    return Array.from({ length: wanted }, (_, i) => initialParameters(plan, seed + i));
  const fits = parent.models.every(
    ({ generator, inverse }) =>
      generator.length === plan.generatorSize && inverse.length === plan.inverseSize,
  );
  // Single-task models may start from one joint model, each from the whole of it.
  const [joint] = parent.models;
  const models =
    joint && parent.models.length === 1
      ? Array.from({ length: wanted }, () => joint)
      : parent.models;
  if (models.length !== wanted || !fits)
    throw new VamoError(
      'TRAIN_RESUME_MISMATCH',
      `parent ${parent.version} has other tensors than the configured model`,
      {
        details: { parent: parent.version },
        mend: 'Train from fresh parameters, or restore the `model` part of the configuration.',
      },
    );
  return models;
}

/**
 * Trains until `steps` updates are made, going on from the run directory's newest checkpoint if it
 * has one; the result is the same bit for bit. On abort a checkpoint is written first.
 * @throws VamoError TRAIN_EMPTY_TASK, TRAIN_NOT_FINITE, TRAIN_RESUME_MISMATCH, CHECKPOINT_INVALID,
 *   WEIGHTING_INVALID, STORE_FULL, INTERRUPTED
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { dataset, model, training, seed, store, runKey, log } = options;
  requireEveryTask(dataset);
  const { tasks } = dataset;
  const io = ioOf(dataset);
  const plan = parameterPlan(model, io);
  const lists = { train: listsOf(dataset, 'train'), validation: listsOf(dataset, 'validation') };
  const sizes = lists.train.map((list) => list.length);
  const counts = batchCounts(sizes, training.batch);
  const initial = initialModels(plan, options);
  const saved = await loadCheckpoint(store, runKey, log);
  const random = saved ? restoreRandom(saved.random) : seededRandom(seed, WEIGHTING_STREAM);
  const trainee = createTrainee({
    model,
    training,
    steps: options.steps,
    io,
    plan,
    tasks,
    counts,
    initial,
    random,
    trajectories: dataset.splits.train.trajectories.length,
  });
  const run: Run = {
    options,
    sizes,
    trainee,
    random,
    samplers: {
      train: createSampler(lists.train, counts, [seed, TRAIN_STREAM]),
      validation: createSampler(lists.validation, counts, [seed, VALIDATION_STREAM]),
    },
    history: saved ? [...saved.history] : [],
    evaluations: saved ? [...saved.evaluations] : [],
    step: saved?.step ?? 0,
  };
  try {
    if (saved) restore(run, saved);
    await advance(run);
    const models = (await trainee.models()).map(parametersOf);
    return { plan, io, counts, initial, models, record: recordOf(run, plan) };
  } finally {
    await trainee.release();
  }
}

const listsOf = (dataset: Dataset, split: Split) =>
  byTask(dataset.splits[split], dataset.tasks.length);

function restore({ trainee, samplers, options }: Run, saved: TrainingState): void {
  trainee.load(saved.models, saved.weighting);
  samplers.train.load(saved.samplers.train);
  samplers.validation.load(saved.samplers.validation);
  options.onResume?.(saved.step, options.steps);
}

/** Steps, evaluations and checkpoints up to the last step. */
async function advance(run: Run): Promise<void> {
  const { options, trainee, samplers } = run;
  const { training, steps, signal, progress, dataset, model, seed, log } = options;
  const drop = model.guidance?.drop ?? 0;
  while (run.step < steps) {
    if (signal?.aborted) {
      await save(run);
      throwIfAborted(signal);
    }
    await evaluateIfDue(run);
    const batches = batchesOf(dataset, samplers, { drop, seed, step: run.step });
    const record = await trainee.step(batches);
    run.history.push(record);
    run.step++;
    if (run.step % training.checkpointEvery === 0 || run.step === steps) await save(run);
    log.debug('training.step', { ...record });
    progress?.(run.step, steps, `loss ${mean(record.losses).toFixed(3)}`);
    // The graphs block the thread; signals and messages are handled here.
    await setImmediate();
  }
  await evaluateIfDue(run);
}

/**
 * Losses over the splits every `evaluateEvery` steps and at the end; once a step, also on resume. Those
 * on the way are over few trajectories, or at real sizes they would take longer than the steps. Batches
 * are split over the tasks by what is evaluated: a small task's last rows are not waited for.
 */
async function evaluateIfDue(run: Run): Promise<void> {
  const { options, trainee, sizes, evaluations, step } = run;
  const { evaluateEvery, evaluateTrajectories, batch } = options.training;
  const isLast = step === options.steps;
  if (!(isLast || step % evaluateEvery === 0) || evaluations.at(-1)?.step === step) return;
  const most = isLast ? ENOUGH : evaluateTrajectories;
  const counts = batchCounts(
    sizes.map((size) => Math.min(size, most)),
    batch,
  );
  const found = new Map<Split, BatchLosses>();
  for (const split of SPLITS) {
    const data = options.dataset.splits[split];
    const evaluator = await trainee.evaluator(data.market, counts);
    found.set(split, await splitLosses(data, { counts, most }, evaluator));
  }
  evaluations.push({
    step,
    losses: bySplit((split) => found.get(split)?.losses ?? []),
    inverse: bySplit((split) => found.get(split)?.inverse ?? Number.NaN),
  });
}

function bySplit<T>(valueOf: (split: Split) => T): Record<Split, T> {
  return { train: valueOf('train'), validation: valueOf('validation'), test: valueOf('test') };
}

async function save({ options, trainee, samplers, random, history, evaluations, step }: Run) {
  return saveCheckpoint(options.store, {
    runKey: options.runKey,
    step,
    models: await trainee.models(),
    weighting: trainee.weighting(),
    random: random.state(),
    samplers: { train: samplers.train.save(), validation: samplers.validation.save() },
    history,
    evaluations,
  });
}

function recordOf({ options, history, evaluations, step }: Run, plan: ParameterPlan): RunRecord {
  const { dataset, training, seed, parent } = options;
  const models = modelCount(training.method, dataset.tasks.length);
  return {
    schema: 'run/v1',
    method: training.method,
    tasks: dataset.tasks,
    seed,
    parent: parent?.version ?? null,
    steps: step,
    learningRate: training.optimiser.learningRate,
    batch: training.batch,
    parameterCount: models * (plan.generatorSize + plan.inverseSize),
    days: bySplit((split) => dataset.splits[split].days),
    trajectories: bySplit((split) => listsOf(dataset, split).map((list) => list.length)),
    history,
    evaluations,
    replay: null,
  };
}
