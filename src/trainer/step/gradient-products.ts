/** K task gradients and the validation gradient: flat float32 vectors, shared part and own head. */
export interface TaskGradients {
  /** K vectors over the shared parameters. */
  readonly shared: readonly Float32Array[];
  /** K vectors, each over its task's own head. */
  readonly heads: readonly Float32Array[];
  /** Over the whole generator: shared, head 0, ..., head K - 1. */
  readonly validation?: Float32Array | undefined;
}

/** Inner products of one metric, float64: K x K Gram matrix, K gains, squared validation norm. */
export interface GradientProducts {
  readonly gram: Float64Array;
  readonly gains: Float64Array;
  readonly validationNormSquared: number;
}

/** sum_i d_i a_i b_i over two vectors and a metric's diagonal from `at` on (none = ones). */
function product(
  a: Float32Array,
  b: Float32Array,
  metric: Float64Array | null,
  at: number,
): number {
  let total = 0;
  if (metric === null) for (let i = 0; i < a.length; i++) total += (a[i] ?? 0) * (b[i] ?? 0);
  else
    for (let i = 0; i < a.length; i++) total += (a[i] ?? 0) * (b[i] ?? 0) * (metric[at + i] ?? 0);
  return total;
}

/**
 * <g_j, g_k>, <v, g_k> and <v, v> over the shared parameters or over all of them. A task's gradient
 * is zero on other tasks' heads. Sums are float64, whatever the engine's precision.
 * @param metric diagonal of the inner product over the generator's vector; null = Euclidean
 */
export function gradientProducts(
  { shared, heads, validation }: TaskGradients,
  scope: 'all' | 'shared',
  metric: Float64Array | null,
): GradientProducts {
  const tasks = shared.length;
  const sharedSize = shared[0]?.length ?? 0;
  const headSize = heads[0]?.length ?? 0;
  const headAt = (k: number): number => sharedSize + k * headSize;
  const none = new Float32Array();
  const gram = new Float64Array(tasks * tasks);
  const gains = new Float64Array(tasks);
  for (let j = 0; j < tasks; j++) {
    const row = shared[j] ?? none;
    const head = heads[j] ?? none;
    for (let k = j; k < tasks; k++) {
      let value = product(row, shared[k] ?? none, metric, 0);
      if (j === k && scope === 'all') value += product(head, head, metric, headAt(j));
      gram[j * tasks + k] = gram[k * tasks + j] = value;
    }
    if (!validation) continue;
    gains[j] = product(row, validation, metric, 0);
    if (scope === 'all') {
      const own = validation.subarray(headAt(j), headAt(j + 1));
      gains[j] = (gains[j] ?? 0) + product(head, own, metric, headAt(j));
    }
  }
  const v = validation ?? none;
  const seen = scope === 'all' ? v : v.subarray(0, sharedSize);
  return { gram, gains, validationNormSquared: product(seen, seen, metric, 0) };
}

/**
 * The diagonal by which Adam scales a gradient, 1 / (sqrt(v / correction) + epsilon), from its second
 * moment before the step; ones while there is none (null).
 */
export function adamMetric(
  square: Float32Array,
  correction: number,
  epsilon: number,
): Float64Array | null {
  if (correction === 0) return null;
  return Float64Array.from(square, (v) => 1 / (Math.sqrt(v / correction) + epsilon));
}
