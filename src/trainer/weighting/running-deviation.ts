/** The state of a running deviation: plain numbers, exact in JSON. */
interface DeviationState {
  /** Total weight of everything observed. */
  readonly weight: number;
  readonly mean: number;
  /** Weighted sum of squared distances from the mean. */
  readonly squares: number;
}

export interface RunningDeviation {
  /** Takes in one step's values; older steps lose the factor `decay`. */
  observe(values: Iterable<number>): void;
  /** The deviation now; 0 while nothing has varied. */
  value(): number;
  save(): DeviationState;
  load(state: DeviationState): void;
}

/**
 * Standard deviation of a stream pooled over tasks and steps, with forgetting:
 *
 *   mu_t = sum_i d^(t-i) sum_k x_ik / W_t,   sd_t^2 = sum_i d^(t-i) sum_k (x_ik - mu_t)^2 / W_t,
 *   W_t = sum_i d^(t-i) K_i.
 *
 * The weights are normalised by their own total, so the start needs no bias correction: the first
 * step gives the plain deviation among its tasks. West's update keeps it accurate when the mean is
 * far larger than the spread.
 */
export function createRunningDeviation(decay: number): RunningDeviation {
  let weight = 0;
  let mean = 0;
  let squares = 0;
  return {
    observe(values) {
      weight *= decay;
      squares *= decay;
      for (const x of values) {
        weight += 1;
        const before = x - mean;
        mean += before / weight;
        squares += before * (x - mean);
      }
    },
    value: () => (weight === 0 ? 0 : Math.sqrt(squares / weight)),
    save: () => ({ weight, mean, squares }),
    load: (state) => ({ weight, mean, squares } = state),
  };
}
