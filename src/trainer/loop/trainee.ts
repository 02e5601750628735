import { type EngineKind, mean, type Random, sum } from '../../core/index.ts';
import type { ModelSettings, ParameterPlan, ParameterVectors, ModelIo } from '../../model/index.ts';
import { atStep } from '../step/at-step.ts';
import type { StepRecord, ValidationChange } from '../run-record.ts';
import type { BatchLosses, Evaluator } from '../step/evaluator.ts';
import { createLearner, type Learner } from '../step/learner.ts';
import type { HostTensor } from '../../engine/index.ts';
import type { OptimiserSettings } from '../step/optimiser.ts';
import type { Feeds, LearnerState } from '../step/session.ts';
import type { Batches } from '../step/sight.ts';
import type { Weighting, WeightingState } from '../weighting/index.ts';
import { jointWeighting, type MethodSettings, separateWeightings } from './weightings.ts';

/** The `training` part of the configuration, as far as it shapes a step. */
export interface TrainingSettings extends MethodSettings {
  readonly batch: number;
  readonly optimiser: Omit<OptimiserSettings, 'decaySteps'> & {
    /** `linear`: rates fall to 0 over the run. */
    readonly decay: 'none' | 'linear';
  };
  readonly inverseLearningRate: number;
  readonly checkpointEvery: number;
  readonly evaluateEvery: number;
  /** Trajectories of a task, at most, that an evaluation before the last one takes of a split. */
  readonly evaluateTrajectories: number;
  readonly threads: number;
  /** What computes the steps. */
  readonly engine: EngineKind;
}

export interface TraineeOptions {
  readonly model: ModelSettings;
  readonly training: TrainingSettings;
  /** Updates of the whole run. */
  readonly steps: number;
  readonly io: ModelIo;
  readonly plan: ParameterPlan;
  readonly tasks: readonly string[];
  readonly counts: readonly number[];
  readonly initial: readonly ParameterVectors[];
  readonly random: Random;
  /** Training trajectories: what an epoch is. */
  readonly trajectories: number;
}

/** Steps between two measurements of the validation change (paper eq. 7), at least. */
const MEASURE_EVERY = { withValidation: 10, without: 50 };

/** Measured where v is there anyway, it costs one forward pass; for other methods v too. */
function measureEvery({ needs, validationEvery = 1 }: Weighting, gainsEvery: number): number {
  if (!needs.has('validation')) return MEASURE_EVERY.without;
  // v is taken anew at the first look at which it is old enough.
  const every = gainsEvery * Math.ceil(validationEvery / gainsEvery);
  return every * Math.ceil(MEASURE_EVERY.withValidation / every);
}

/** What a run trains: one model for all tasks, or (single-task learning) one a task. */
export interface Trainee {
  step(batches: Batches): Promise<StepRecord>;
  /**
   * @param market windows of the days that the batches are from; null without a temporal module
   * @param counts rows of each task in a batch
   */
  evaluator(market: HostTensor | null, counts: readonly number[]): Promise<Evaluator>;
  models(): Promise<LearnerState[]>;
  weighting(): WeightingState[];
  load(models: readonly LearnerState[], weighting: readonly WeightingState[]): void;
  release(): Promise<void>;
}

/** Number of parameter sets a method trains. */
export function modelCount(method: string, tasks: number): number {
  return method === 'stl' ? tasks : 1;
}

/** One model of all tasks, or with `stl` one a task; the loop drives both alike. */
export function createTrainee(options: TraineeOptions): Trainee {
  return modelCount(options.training.method, options.tasks.length) === 1
    ? createJoint(options)
    : createSeparate(options);
}

function learnerOf(
  { model, training, steps, io, plan, tasks, random, initial, trajectories }: TraineeOptions,
  weighting: Weighting,
  counts: readonly number[],
  index: number,
): Learner {
  const { inverseLearningRate, threads, engine } = training;
  const { decay, ...rest } = training.optimiser;
  const optimiser = { ...rest, decaySteps: decay === 'linear' ? steps : undefined };
  const rowsAStep = training.batch * (weighting.needs.has('crossGram') ? 3 : 1);
  return createLearner({
    design: { settings: model, io, plan, counts, optimiser },
    tasks,
    weighting,
    gains: { gains: training.gains, gainsEvery: training.gainsEvery },
    random,
    epochOf: (step) => Math.floor((step * rowsAStep) / trajectories),
    inverseLearningRate,
    initial: initial[index] ?? { generator: new Float32Array(), inverse: new Float32Array() },
    threads,
    engine,
  });
}

function createJoint(options: TraineeOptions): Trainee {
  const { training, tasks, counts } = options;
  const weighting = jointWeighting(training, tasks.length);
  const learner = learnerOf(options, weighting, counts, 0);
  const every = measureEvery(weighting, training.gainsEvery);
  return {
    step: (batches) => learner.step(batches, learner.updates % every === 0),
    evaluator: (market, of) => learner.evaluator(market, of),
    models: async () => [await learner.read()],
    weighting: () => [atStep(learner.updates, tasks, () => weighting.save())],
    load: ([model], [state]) => {
      if (model) learner.load(model);
      if (state) atStep(learner.updates, tasks, () => weighting.load(state));
    },
    release: () => learner.release(),
  };
}

/** Task k's rows of a batch that has `counts` rows of each; its days stay. No copies. */
function rowsOf(batch: Feeds, counts: readonly number[], k: number): Feeds {
  const from = counts.slice(0, k).reduce((a, b) => a + b, 0);
  const count = counts[k] ?? 0;
  return Object.fromEntries(
    Object.entries(batch).map(([name, tensor]) => {
      if (name === 'market') return [name, tensor];
      const { shape, data } = tensor;
      const width = shape.slice(1).reduce((a, b) => a * b, 1);
      const part = data.subarray(from * width, (from + count) * width);
      return [name, { shape: [count, ...shape.slice(1)], data: part }];
    }),
  );
}

/** Of the mean over the tasks: a model's own change is its share of it, 1/K of its task's. */
function totalChange(records: readonly StepRecord[]): ValidationChange {
  const total = (figure: keyof ValidationChange): number =>
    sum(records.map(({ validationChange }) => validationChange?.[figure] ?? Number.NaN));
  return {
    predicted: total('predicted'),
    firstOrder: total('firstOrder'),
    realised: total('realised'),
  };
}

/** Task k's model sees task k's rows of every batch, so each gets the steps and rows it has jointly. */
function createSeparate(options: TraineeOptions): Trainee {
  const { tasks, counts } = options;
  // There is nothing to weigh, so no gains to find.
  const training = { ...options.training, gains: 'exact', gainsEvery: 1 } as const;
  const learners: Learner[] = [];
  const alone = (of: readonly number[], k: number) => of.map((count, i) => (i === k ? count : 0));
  for (const [k, weighting] of separateWeightings(options.training, tasks.length).entries()) {
    learners.push(learnerOf({ ...options, training }, weighting, alone(counts, k), k));
  }
  return {
    async step(batches) {
      const batch = batches.train();
      const measured = (learners[0]?.updates ?? 0) % MEASURE_EVERY.without === 0;
      const held = measured ? batches.validation() : batch;
      const records: StepRecord[] = [];
      for (const [k, learner] of learners.entries()) {
        const own = {
          train: () => rowsOf(batch, counts, k),
          validation: () => rowsOf(held, counts, k),
        };
        records.push(await learner.step(own, measured));
      }
      return {
        step: records[0]?.step ?? 0,
        losses: records.map(({ losses }, k) => losses[k] ?? Number.NaN),
        weights: records.map(({ weights }, k) => weights[k] ?? Number.NaN),
        entropy: Math.log(tasks.length),
        inverseLoss: mean(records.map(({ inverseLoss }) => inverseLoss)),
        ...(measured && { validationChange: totalChange(records) }),
      };
    },
    async evaluator(market, of) {
      const own: Evaluator[] = [];
      for (const [k, learner] of learners.entries())
        own.push(await learner.evaluator(market, alone(of, k)));
      return async (batch) => {
        const found: BatchLosses[] = [];
        for (const [k, losses] of own.entries()) found.push(await losses(rowsOf(batch, of, k)));
        return {
          losses: found.map(({ losses }, k) => losses[k] ?? Number.NaN),
          inverse: mean(found.map(({ inverse }) => inverse)),
        };
      };
    },
    models: () => Promise.all(learners.map((learner) => learner.read())),
    weighting: () => [],
    load: (models) => {
      learners.forEach((learner, k) => {
        const saved = models[k];
        if (saved) learner.load(saved);
      });
    },
    release: async () => {
      for (const learner of learners) await learner.release();
    },
  };
}
