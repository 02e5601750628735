import { mean } from '../../core/index.ts';
import type { ValidationChange } from '../run-record.ts';
import { learningRateAt, type OptimiserSettings } from './optimiser.ts';
import type { Passes } from './passes.ts';
import { type LiveState, read, type Session } from './session.ts';
import { equal, type HeldOut, preconditioner } from './sight.ts';
import type { StepDesign } from './tensors.ts';

/** v at theta, on a batch drawn for it unless the step has taken it already. */
export async function heldOutAt(
  { passes, design }: { readonly passes: Passes; readonly design: StepDesign },
  taken: HeldOut | null,
  draw: () => HeldOut['batch'],
): Promise<HeldOut> {
  if (taken) return taken;
  const batch = draw();
  return { batch, v: await passes.gradient(batch, equal(design.io.tasks)) };
}

async function vectorIn({ vectors }: LiveState, name: string): Promise<Float32Array> {
  const found = vectors[name];
  return found ? read(found) : new Float32Array();
}

/** The direction d that the last update took, after weighting and clipping, out of what it changed. */
async function directionOf(
  { kind, beta1 }: OptimiserSettings,
  before: LiveState,
  after: LiveState,
  learningRate: number,
): Promise<Float64Array> {
  const changed = kind === 'adam' ? 'generatorMean' : 'generator';
  const [a, b] = [await vectorIn(before, changed), await vectorIn(after, changed)];
  const scale = kind === 'adam' ? 1 / (1 - beta1) : -1 / learningRate;
  const decay = kind === 'adam' ? beta1 : 1;
  return Float64Array.from(b, (x, i) => scale * (x - decay * (a[i] ?? 0)));
}

/**
 * How the held-out batch's mean loss changed over the update just made, and what was foretold:
 *
 * - `predicted`, paper eq. 7 for the step as the optimiser scaled it: -eta <v, D d>, d the weighted,
 *   clipped direction and D Adam's diagonal (ones for SGD);
 * - `firstOrder`: <v, theta' - theta>, momentum included. What still parts it from `realised` is
 *   curvature alone.
 */
export async function validationChange(
  options: {
    readonly passes: Passes;
    readonly design: StepDesign;
    readonly session: Session;
  },
  before: LiveState,
  { batch, v }: HeldOut,
): Promise<ValidationChange> {
  const { passes, design, session } = options;
  const after = session.state;
  const learningRate = learningRateAt(design.optimiser, before.step);
  const direction = await directionOf(design.optimiser, before, after, learningRate);
  const diagonal = await preconditioner(design, session);
  const theta = {
    before: await vectorIn(before, 'generator'),
    after: await vectorIn(after, 'generator'),
  };
  const gradient = await read(v.gradient);
  let predicted = 0;
  let firstOrder = 0;
  gradient.forEach((x, i) => {
    predicted -= learningRate * x * (diagonal?.[i] ?? 1) * (direction[i] ?? 0);
    firstOrder += x * ((theta.after[i] ?? 0) - (theta.before[i] ?? 0));
  });
  const realised = mean([...(await passes.losses(batch))]) - mean([...v.losses]);
  return { predicted, firstOrder, realised };
}
