import { invalid } from './options.ts';

export interface LossFloor {
  /**
   * Takes in K losses, or rows of K; what is not finite is the method's to refuse.
   * @param name of the losses, for the error
   * @throws VamoError WEIGHTING_INVALID for a loss below a given floor
   */
  observe(losses: Float64Array, name?: string): void;
  /** One a task: every loss seen is above it. */
  values(): Float64Array;
  save(): number[];
  load(lowest: readonly number[]): void;
}

/** How far below the lowest loss an automatic floor lies, in units of the loss (nats). */
const MARGIN = 1;

/**
 * What losses stay above. Methods that divide by losses or take logarithms were made for positive
 * ones; a Gaussian log-likelihood passes 0. `auto`: the floor is 0 for as long as a task's losses
 * are above 0, then `MARGIN` below the lowest one seen. Given numbers never move: a loss below them
 * is an error.
 */
export function createLossFloor(
  tasks: number,
  option: 'auto' | number | readonly number[],
): LossFloor {
  const fixed = typeof option === 'number' ? Array.from({ length: tasks }, () => option) : option;
  if (fixed !== 'auto' && fixed.length !== tasks)
    throw invalid(`lossFloor: ${fixed.length} numbers; must be ${tasks}`);
  let lowest = Array.from({ length: tasks }, () => Number.MAX_VALUE);
  return {
    observe(losses, name = 'losses') {
      if (fixed !== 'auto') {
        const at = losses.findIndex((loss, i) => loss < (fixed[i % tasks] ?? 0));
        if (at >= 0)
          throw invalid(
            `${name}[${at}]: ${losses[at] ?? Number.NaN} is below lossFloor ` +
              `(${fixed[at % tasks] ?? 0})`,
            { mend: 'Set `lossFloor` below the least that can be reached, or to "auto".' },
          );
      }
      losses.forEach((loss, i) => {
        const k = i % tasks;
        if (Number.isFinite(loss)) lowest[k] = Math.min(lowest[k] ?? loss, loss);
      });
    },
    values: () =>
      Float64Array.from(fixed === 'auto' ? lowest.map((x) => (x > 0 ? 0 : x - MARGIN)) : fixed),
    save: () => [...lowest],
    load: (saved) => (lowest = [...saved]),
  };
}

/** losses - floor, kept above a number that can be divided by. */
export function aboveFloor(losses: Float64Array, floor: Float64Array | undefined): Float64Array {
  return losses.map((loss, k) => Math.max(loss - (floor?.[k] ?? 0), 1e-30));
}
