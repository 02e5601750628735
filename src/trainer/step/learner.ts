import { type EngineKind, mean, type Random } from '../../core/index.ts';
import type { CompiledGraph } from '../../engine/index.ts';
import type { ParameterVectors } from '../../model/index.ts';
import type { StepRecord } from '../run-record.ts';
import { headWeights, type Weighting } from '../weighting/index.ts';
import { entropy, gradientFigures, requireFinite } from './figures.ts';
import { adamMetric, gradientProducts, type TaskGradients } from './gradient-products.ts';
import { traceFusedStep, traceGradients, traceLosses, traceUpdate } from './graphs.ts';
import { learningRateAt } from './optimiser.ts';
import {
  createSession,
  type Feeds,
  floats,
  type LearnerState,
  type Session,
  vector,
} from './session.ts';
import type { StepDesign } from './tensors.ts';

export interface BatchLosses {
  /** One a task. */
  readonly losses: readonly number[];
  readonly inverse: number;
}

/** One model in training. Batches are feeds of `states`, `label`, `action`, `mask`. */
export interface Learner {
  /**
   * One update.
   * @param validation a batch of the held-out day; read when the weighting method asks for it
   * @param measure also measure how that batch's loss changes
   * @throws VamoError TRAIN_NOT_FINITE naming step and task; the state stays as before
   */
  step(batch: Feeds, validation: Feeds, measure: boolean): Promise<StepRecord>;
  losses(batch: Feeds): Promise<BatchLosses>;
  /** After the last update; assign to resume from a saved one. */
  state: LearnerState;
  release(): Promise<void>;
}

export interface LearnerOptions {
  readonly design: StepDesign;
  readonly tasks: readonly string[];
  readonly weighting: Weighting;
  /** For methods that draw. */
  readonly random: Random;
  readonly inverseLearningRate: number;
  readonly initial: ParameterVectors;
  readonly threads: number;
  /** What computes the step; default `cpu`. */
  readonly engine?: EngineKind;
}

/**
 * A learner for one set of parameters. A method that looks at nothing runs the whole step as one
 * graph; the others run gradients, then weights (here, in float64), then the update.
 */
export async function createLearner(options: LearnerOptions): Promise<Learner> {
  const { design, weighting } = options;
  const session = createSession(design, options);
  const lossGraph = await session.prepare(traceLosses(design));
  const losses = async (batch: Feeds): Promise<BatchLosses> => {
    const outputs = await session.run(lossGraph, batch);
    return {
      losses: [...floats(outputs, 'losses')],
      inverse: floats(outputs, 'inverseLoss')[0] ?? 0,
    };
  };
  const fused = weighting.needs.size === 0 && weighting.headPolicy === 'weighted';
  const step = fused
    ? fusedStep(options, session, await session.prepare(traceFusedStep(design)))
    : gradientStep(options, session, losses, {
        gradients: await session.prepare(traceGradients(design, weighting.needs.has('validation'))),
        update: await session.prepare(traceUpdate(design)),
      });
  return {
    step,
    losses,
    get state() {
      return session.state;
    },
    set state(saved) {
      session.state = saved;
    },
    release: () => session.release(),
  };
}

function fusedStep(
  { weighting, tasks, random }: LearnerOptions,
  session: Session,
  graph: CompiledGraph,
): Learner['step'] {
  return async (batch) => {
    const { step } = session.state;
    const { weights } = weighting.step({ losses: new Float64Array(tasks.length), random });
    const outputs = await session.run(graph, { ...batch, weights: vector(weights) });
    const losses = floats(outputs, 'losses');
    requireFinite(losses, 'the loss', step, tasks);
    session.advance(outputs);
    return {
      step,
      losses: [...losses],
      weights: [...weights],
      entropy: entropy(weights),
      inverseLoss: floats(outputs, 'inverseLoss')[0] ?? 0,
    };
  };
}

/** Paper Algorithm 1, lines 5-10. */
function gradientStep(
  options: LearnerOptions,
  session: Session,
  lossesOf: Learner['losses'],
  graphs: { readonly gradients: CompiledGraph; readonly update: CompiledGraph },
): Learner['step'] {
  const { design, weighting, tasks, random } = options;
  const { optimiser } = design;
  const withValidation = weighting.needs.has('validation');

  /** Adam's preconditioner as it stands; null where there is none (yet). */
  const preconditioner = (): Float64Array | null => {
    const { step, vectors } = session.state;
    const square = vectors['generatorSquare'];
    if (!square) return null;
    return adamMetric(square, 1 - optimiser.beta2 ** step, optimiser.epsilon);
  };

  return async (batch, validation, measure) => {
    const { step } = session.state;
    const learningRate = learningRateAt(optimiser, step);
    const held = Object.entries(validation).map(([name, x]) => [`validation.${name}`, x] as const);
    const found = await session.run(graphs.gradients, { ...batch, ...Object.fromEntries(held) });
    const losses = floats(found, 'losses');
    requireFinite(losses, 'the loss', step, tasks);
    const gradients: TaskGradients = {
      shared: tasks.map((_, k) => floats(found, `shared.${k}`)),
      heads: tasks.map((_, k) => floats(found, `head.${k}`)),
      validation: withValidation ? floats(found, 'validation') : undefined,
    };
    const metric = weighting.metric === 'adam' ? preconditioner() : null;
    const products = gradientProducts(gradients, weighting.scope, metric);
    const figures = gradientFigures(products);
    requireFinite(figures.norms, 'the gradient norm', step, tasks);
    requireFinite(figures.gains, 'the marginal gain', step, tasks);
    const { weights } = weighting.step({
      losses: Float64Array.from(losses),
      ...products,
      learningRate,
      random,
    });
    const updated = await session.run(graphs.update, {
      ...found,
      weights: vector(weights),
      headWeights: vector(headWeights(weighting, weights)),
    });
    session.advance({ ...found, ...updated });
    const record = {
      step,
      losses: [...losses],
      weights: [...weights],
      entropy: entropy(weights),
      inverseLoss: floats(found, 'inverseLoss')[0] ?? 0,
      ...(withValidation && { gradients: figures }),
    };
    if (!measure || !withValidation) return record;
    // Expected of the real step: over all parameters, as the optimiser just scaled them.
    const { gains } = gradientProducts(gradients, 'all', preconditioner());
    const before = mean(floats(found, 'validationLosses'));
    const after = mean((await lossesOf(validation)).losses);
    const predicted = -learningRate * weights.reduce((m, w, k) => m + w * (gains[k] ?? 0), 0);
    return { ...record, validationChange: { predicted, realised: after - before } };
  };
}
