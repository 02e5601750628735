import type { Weighting } from '../weighting/index.ts';

/** K task gradients: flat float32 vectors, shared part and own head; v where there is one. */
export interface TaskGradients {
  /** K vectors over the shared parameters. */
  readonly shared: readonly Float32Array[];
  /** K vectors, each over its task's own head. */
  readonly heads: readonly Float32Array[];
  /** Over the whole generator: shared, head 0, ..., head K - 1. */
  readonly validation?: Float32Array | undefined;
}

/** Inner products of one metric, float64: K x K Gram matrix, K gains, squared norm of v. */
export interface GradientProducts {
  readonly gram: Float64Array;
  /** Empty without v. */
  readonly gains: Float64Array;
  readonly validationNormSquared: number;
}

/** An inner product: its parameters, and its diagonal over the generator (null = ones). */
export interface InnerProduct {
  readonly scope: Weighting['scope'];
  readonly metric: Float64Array | null;
}

const NONE = new Float32Array();

/** sum_i d_i a_i b_i in float64, d from `at` on. */
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

/** K x K, row-major: <a_j, b_k>. A task's gradient is zero on other tasks' heads. */
export function crossProducts(
  a: TaskGradients,
  b: TaskGradients,
  { scope, metric }: InnerProduct,
): Float64Array {
  const sharedSize = a.shared[0]?.length ?? 0;
  const found = a.shared.flatMap((row, j) =>
    b.shared.map((other, k) => {
      const trunk = product(row, other, metric, 0);
      if (j !== k || scope === 'shared') return trunk;
      const head = a.heads[j] ?? NONE;
      return trunk + product(head, b.heads[k] ?? NONE, metric, sharedSize + k * head.length);
    }),
  );
  return Float64Array.from(found);
}

/** ||g_k|| over trunk and own head, K numbers. */
export function wholeNorms({ shared, heads }: TaskGradients): Float64Array {
  return Float64Array.from(shared, (row, k) => {
    const head = heads[k] ?? NONE;
    return Math.sqrt(product(row, row, null, 0) + product(head, head, null, 0));
  });
}

/** <g_k, vector>, K numbers, for a vector over the whole generator. */
export function gainsAgainst(
  vector: Float32Array,
  { shared, heads }: TaskGradients,
  { scope, metric }: InnerProduct,
): Float64Array {
  const found = shared.map((row, k) => {
    const trunk = product(row, vector, metric, 0);
    const head = heads[k] ?? NONE;
    const at = row.length + k * head.length;
    if (scope === 'shared') return trunk;
    return trunk + product(head, vector.subarray(at, at + head.length), metric, at);
  });
  return Float64Array.from(found);
}

/** ||vector||^2 of a vector over the whole generator, whose first `sharedSize` elements are shared. */
export function squaredNorm(
  vector: Float32Array,
  sharedSize: number,
  { scope, metric }: InnerProduct,
): number {
  const seen = scope === 'all' ? vector : vector.subarray(0, sharedSize);
  return product(seen, seen, metric, 0);
}

/**
 * The diagonal by which Adam scales a gradient, 1 / (sqrt(v / correction) + epsilon), from its second
 * moment; ones while there is none (null).
 */
export function adamMetric(
  square: Float32Array | undefined,
  correction: number,
  epsilon: number,
): Float64Array | null {
  if (!square || correction === 0) return null;
  return Float64Array.from(square, (v) => 1 / (Math.sqrt(v / correction) + epsilon));
}

/** start + scale * direction, element by element, for vectors over the generator. */
export function moved(
  start: Float32Array,
  direction: ArrayLike<number>,
  scale: number,
): Float32Array {
  return start.map((x, i) => x + scale * (direction[i] ?? 0));
}

/** sum_k weights_k g_k over the whole generator, heads weighted like the trunk; float64. */
export function combined({ shared, heads }: TaskGradients, weights: Float64Array): Float64Array {
  const sharedSize = shared[0]?.length ?? 0;
  const headSize = heads[0]?.length ?? 0;
  const total = new Float64Array(sharedSize + heads.length * headSize);
  shared.forEach((row, k) => {
    const w = weights[k] ?? 0;
    if (w === 0) return;
    row.forEach((x, i) => (total[i] = (total[i] ?? 0) + w * x));
    const at = sharedSize + k * headSize;
    heads[k]?.forEach((x, i) => (total[at + i] = w * x));
  });
  return total;
}
