import type { Weighting, WeightingInput } from '../weighting/index.ts';
import { adamMetric, type GradientProducts, type InnerProduct } from './inner-products.ts';
import type { LiveGradients, LossGradient, Passes } from './passes.ts';
import { type Feeds, read, type Session } from './session.ts';
import type { StepDesign } from './tensors.ts';

/** Where a step's batches come from; each call draws the next. */
export interface Batches {
  readonly train: () => Feeds;
  /** Of the held-out day. */
  readonly validation: () => Feeds;
}

/** How a step learns what its weights depend on. */
export interface GainsSettings {
  /** `exact`: from task gradients. `difference`: from losses to both sides of theta along v. */
  readonly gains: 'exact' | 'difference';
  /** Inner products are taken anew every so many steps and kept between. */
  readonly gainsEvery: number;
}

/** What one step saw before its weights were chosen. */
export interface Sight {
  readonly input: Omit<WeightingInput, 'random'>;
  /** Task gradients to update from; null = not taken. */
  readonly rows: LiveGradients | null;
  readonly products: GradientProducts | null;
  /** The held-out batch and v on it, where v was taken at this step. */
  readonly held: HeldOut | null;
}

export interface HeldOut {
  readonly batch: Feeds;
  readonly v: LossGradient;
}

/** What looking needs: the learner's parts. */
export interface LookOptions {
  readonly design: StepDesign;
  readonly weighting: Weighting;
  readonly session: Session;
  readonly passes: Passes;
  readonly gains: GainsSettings;
}

/** Adam's preconditioner as the state has it; null for SGD and before the first step. */
export async function preconditioner(
  { optimiser }: StepDesign,
  { state }: Session,
): Promise<Float64Array | null> {
  const { step, vectors } = state;
  const { generatorSquare } = vectors;
  const square = generatorSquare && (await read(generatorSquare));
  return adamMetric(square, 1 - optimiser.beta2 ** step, optimiser.epsilon);
}

/** The method's inner product at the present state. */
export async function innerProductOf({
  design,
  weighting,
  session,
}: LookOptions): Promise<InnerProduct> {
  const { scope, metric } = weighting;
  return { scope, metric: metric === 'adam' ? await preconditioner(design, session) : null };
}

/** theta, the generator's vector. */
export async function thetaOf({ state }: Session): Promise<Float32Array> {
  const { generator } = state.vectors;
  return generator ? read(generator) : new Float32Array();
}

/** Equal weights 1/K: v is the gradient of the mean held-out loss. */
export const equal = (tasks: number): Float64Array => new Float64Array(tasks).fill(1 / tasks);
