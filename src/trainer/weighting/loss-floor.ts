import { invalid } from './options.ts';

export interface LossFloor {
  observe(losses: Float64Array): void;
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
    observe(losses) {
      if (fixed !== 'auto') {
        const k = losses.findIndex((loss, i) => !(loss >= (fixed[i] ?? 0)));
        if (k >= 0)
          throw invalid(
            `losses[${k}]: ${losses[k] ?? Number.NaN} is below lossFloor (${fixed[k] ?? 0}); ` +
              'set it below the least that can be reached, or to "auto"',
          );
      }
      lowest = lowest.map((x, k) => Math.min(x, losses[k] ?? x));
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
