import { addDays, dayKey, type Logger } from '../../core/index.ts';
import type { Normaliser } from '../../contracts/index.ts';
import type { ReplayRules } from '../../eval/index.ts';
import type { HostTensor } from '../../engine/index.ts';
import type { ModelSettings, ParameterVectors } from '../../model/index.ts';
import type { ObjectStore } from '../../store/index.ts';
import type { ExportOptions } from '../candidate/export.ts';
import { train, type TrainOptions, type TrainResult } from '../loop/train.ts';
import type { Split } from '../run-record.ts';
import { chooseAskedReturns } from './asked-return.ts';
import { datasetOf, marketBefore, normaliserOf } from './days.ts';
import type { HistoryDay, TrainingDay } from './training-day.ts';
import type { NightConfig } from './job.ts';
import type { NightProgress } from './stages.ts';

/** The version a night fine-tunes from. */
export interface Parent {
  readonly version: string;
  readonly models: readonly ParameterVectors[];
  readonly normaliser: Normaliser;
  /** Of its model, as it serves; those configured, where an older program kept none. */
  readonly settings: ModelSettings;
}

interface LearnInputs {
  readonly days: Readonly<Record<Split, readonly TrainingDay[]>>;
  /** The days before the window, where a temporal module sees the market; null without one. */
  readonly history: readonly HistoryDay[] | null;
  readonly config: NightConfig;
  readonly seed: number;
  readonly parent: Parent | null;
  /** Names everything that determines the run; see `TrainOptions`. */
  readonly runKey: string;
  /** Keeps the checkpoints. */
  readonly store: ObjectStore;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: NightProgress | undefined;
  readonly onResume?: TrainOptions['onResume'];
  readonly log: Logger;
}

interface Learned {
  readonly result: TrainResult;
  /** All that a candidate is made of, the asked returns chosen. */
  readonly exported: ExportOptions;
  /** The market right before a day of the window; null without a temporal module. */
  readonly before: (day: string) => HostTensor | null;
}

/** Fine-tuning starts from a good place with a fresh optimiser: smaller steps, or it leaves that place. */
function gentler(training: NightConfig['training']): NightConfig['training'] {
  const { optimiser, fineTuneRate, inverseLearningRate } = training;
  return {
    ...training,
    optimiser: { ...optimiser, learningRate: optimiser.learningRate * fineTuneRate },
    inverseLearningRate: inverseLearningRate * fineTuneRate,
  };
}

/**
 * Input statistics stay the parent's; the limits on alpha are no input of the model and follow the
 * market: they are always those of the training days.
 */
function scalesOf(fitted: Normaliser, inherited: Normaliser | undefined): Normaliser {
  if (inherited === undefined) return fitted;
  const limits = new Map(fitted.tasks.map((t) => [t.id, t]));
  return {
    ...inherited,
    tasks: inherited.tasks.map((task) => {
      const { alphaLow, alphaHigh } = limits.get(task.id) ?? task;
      return { ...task, alphaLow, alphaHigh };
    }),
  };
}

/**
 * From the days of a window to a trained model: scales from the training days, steps on them, the
 * asked returns chosen on the validation day. The test day is only measured.
 * @throws VamoError of `train`; INTERRUPTED
 */
export async function learn(inputs: LearnInputs): Promise<Learned> {
  const { days, config, seed, parent, runKey, store, signal, progress, log } = inputs;
  const rules: ReplayRules = { ...config.market, tasks: config.tasks };
  const normaliser = scalesOf(normaliserOf(days.train, rules), parent?.normaliser);
  const dataset = datasetOf(days, normaliser, rules, {
    history: inputs.history,
    actions: config.training.actions,
  });
  const result = await train({
    dataset,
    model: config.model,
    training: parent ? gentler(config.training) : config.training,
    steps: parent ? config.training.fineTuneSteps : config.training.steps,
    seed,
    parent,
    runKey,
    store,
    signal,
    progress: progress?.('train'),
    onResume: inputs.onResume,
    log,
  });
  const before = (day: string): HostTensor | null =>
    marketBefore(day, days, normaliser, inputs.history);
  const test = days.test.at(-1)?.day;
  const servedDay = test === undefined ? null : addDays(dayKey(test), 1);
  const market = servedDay && before(servedDay);
  const trained: ExportOptions = {
    settings: config.model,
    plan: result.plan,
    io: result.io,
    models: result.models,
    normaliser,
    batch: config.release.batch,
    trajectories: dataset.splits.train.trajectories,
    served: servedDay && market && { day: servedDay, market },
  };
  const chosen = await chooseAskedReturns({
    exported: trained,
    validation: days.validation,
    market: before(days.validation.at(-1)?.day ?? ''),
    rules,
    threads: config.training.threads,
    signal,
    progress: progress?.('choose y'),
  });
  return { result, exported: { ...trained, normaliser: chosen }, before };
}
