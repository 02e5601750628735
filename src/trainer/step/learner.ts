import type { EngineKind, Random } from '../../core/index.ts';
import type { HostTensor } from '../../engine/index.ts';
import type { ParameterVectors } from '../../model/index.ts';
import type { StepRecord } from '../run-record.ts';
import {
  headWeights,
  type StepOutcome,
  type Weighting,
  type WeightingOutput,
} from '../weighting/index.ts';
import { atStep } from './at-step.ts';
import { createEvaluator, type Evaluator } from './evaluator.ts';
import { requireFinite, weightFigures } from './figures.ts';
import { look, requireGains } from './look.ts';
import { learningRateAt } from './optimiser.ts';
import { createPasses } from './passes.ts';
import { createSession, type Feeds, type LearnerState } from './session.ts';
import type { Batches, GainsSettings, LookOptions, Sight } from './sight.ts';
import type { StepDesign } from './tensors.ts';
import { heldOutAt, validationChange } from './validation-change.ts';

/** One model in training. Batches are feeds of `states`, `label`, `action`, `mask`, and their days. */
export interface Learner {
  /**
   * One update, paper Algorithm 1 lines 5-10 for any weighting method.
   * @param batches drawn from as the method asks: one training batch at least
   * @param measure also measure how a held-out batch's loss changes (paper eq. 7)
   * @throws VamoError TRAIN_NOT_FINITE naming step and task; the state stays as before;
   *   WEIGHTING_INVALID, naming them, when the method answers with what cannot be used
   */
  step(batches: Batches, measure: boolean): Promise<StepRecord>;
  /**
   * @param market windows of the days that the batches are from; null without a temporal module
   * @param counts rows of each task in a batch
   */
  evaluator(market: HostTensor | null, counts: readonly number[]): Promise<Evaluator>;
  /** After the last update, in host memory. */
  read(): Promise<LearnerState>;
  /** Goes on from a saved state. */
  load(saved: LearnerState): void;
  /** Updates made. */
  readonly updates: number;
  release(): Promise<void>;
}

export interface LearnerOptions {
  readonly design: StepDesign;
  readonly tasks: readonly string[];
  readonly weighting: Weighting;
  /** Default: exact, at every step. */
  readonly gains?: GainsSettings | undefined;
  /** For methods that draw. */
  readonly random: Random;
  readonly inverseLearningRate: number;
  readonly initial: ParameterVectors;
  readonly threads: number;
  /** What computes the step; default `cpu`. */
  readonly engine?: EngineKind;
  /** Whole passes over the training data before a step; default: the first. */
  readonly epochOf?: ((step: number) => number) | undefined;
}

/** The same value at every call, made at the first. */
function once<T extends object>(make: () => T): () => T {
  let made: T | null = null;
  return () => (made ??= make());
}

/**
 * A learner for one set of parameters. What the weighting method needs decides which graphs run:
 * weights that depend on nothing cost one graph, gradients that it looks at are the ones that update.
 * Graphs are traced and compiled when first needed.
 * @throws VamoError CONFIG_INVALID when `gains` gives less than the method needs
 */
export function createLearner(options: LearnerOptions): Learner {
  const { design, weighting, gains = { gains: 'exact', gainsEvery: 1 } } = options;
  requireGains(weighting, gains);
  const epochOf = options.epochOf ?? (() => 0);
  const session = createSession(design, options);
  const passes = createPasses(design, session, weighting.headPolicy);
  const parts: LookOptions = { design, weighting, session, passes, gains };
  return {
    async step(batches, measure) {
      session.sweep();
      const before = session.state;
      const drawn = { train: batches.train, validation: once(batches.validation) };
      const batch = drawn.train();
      const sight = await look(parts, batch, drawn);
      requireFiniteSight(options, sight, before.step);
      const held = measure ? await heldOutAt(parts, sight.held, drawn.validation) : null;
      const input = {
        ...sight.input,
        epoch: epochOf(before.step),
        learningRate: learningRateAt(design.optimiser, before.step),
        random: options.random,
      };
      const output = atStep(before.step, options.tasks, () => weighting.step(input));
      const made = await update(parts, sight, batch, output);
      requireFinite(made.losses, 'the loss', before.step, options.tasks);
      session.advance(made.outputs);
      if (weighting.observe) {
        const outcome = await outcomeOf(parts, made.losses, batch, input.epoch);
        atStep(before.step, options.tasks, () => weighting.observe?.(outcome));
      }
      return {
        step: before.step,
        losses: [...made.losses],
        ...weightFigures(input, output),
        inverseLoss: made.inverseLoss,
        ...(held && { validationChange: await validationChange(parts, before, held) }),
      };
    },
    evaluator: (market, counts) => createEvaluator({ ...design, counts }, session, market),
    read: () => session.read(),
    load: (saved) => session.load(saved),
    get updates() {
      return session.state.step;
    },
    release: () => session.release(),
  };
}

/** The update of paper eq. 5: from the gradients that were looked at, or all in one graph. */
async function update(
  { weighting, passes }: LookOptions,
  { rows, input }: Sight,
  batch: Feeds,
  { weights, direction }: WeightingOutput,
) {
  const heads = headWeights(weighting, weights);
  if (!rows) return passes.fused(batch, weights, heads);
  const made = await passes.update(batch, rows, { weights, direction }, heads);
  return { ...made, losses: input.losses ?? new Float64Array() };
}

/** What came of the step, as the method is told. */
async function outcomeOf(
  { weighting, passes }: LookOptions,
  losses: Float64Array,
  batch: Feeds,
  epoch: number,
): Promise<StepOutcome> {
  if (!weighting.needs.has('newLosses')) return { losses, epoch };
  return { losses, newLosses: await passes.losses(batch), epoch };
}

function requireFiniteSight(
  { tasks }: LearnerOptions,
  { input, products }: Sight,
  step: number,
): void {
  requireFinite(input.losses ?? [], 'the loss', step, tasks);
  requireFinite(input.gains ?? [], 'the marginal gain', step, tasks);
  if (!products) return;
  const norms = tasks.map((_, k) => products.gram[k * tasks.length + k] ?? 0);
  requireFinite(norms, 'the squared gradient norm', step, tasks);
}
