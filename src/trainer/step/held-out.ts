import type { EngineTensor } from '../../engine/index.ts';
import { equal, type HeldOut, type LookOptions } from './sight.ts';
import type { Feeds } from './session.ts';

/**
 * v of paper eq. 4 and, if it was taken at this step, on which batch. With `validationEvery` it is
 * kept in the learner's state until it is so many steps old, so that a resumed run goes on with the
 * same one. Its age counts, not the step: gains may be looked for at some steps only.
 * @param draw the batch that v is the gradient on
 */
export async function validationGradient(
  { weighting, session, passes, design }: LookOptions,
  draw: () => Feeds,
): Promise<{ readonly vector: EngineTensor; readonly held: HeldOut | null }> {
  const every = weighting.validationEvery ?? 1;
  const { step, vectors, validationStep } = session.state;
  const kept = vectors['validation'];
  if (kept && validationStep !== undefined && step - validationStep < every)
    return { vector: kept, held: null };
  const batch = draw();
  const v = await passes.gradient(batch, equal(design.io.tasks));
  if (every > 1)
    session.state = {
      ...session.state,
      vectors: { ...vectors, validation: v.gradient },
      validationStep: step,
    };
  return { vector: v.gradient, held: { batch, v } };
}
