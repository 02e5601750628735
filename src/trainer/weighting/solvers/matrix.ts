/** Entry i of a vector; 0 beyond its end, which no caller reaches. */
export const entry = (x: ArrayLike<number>, i: number): number => x[i] ?? 0;

/** sum_i a_i b_i in float64. */
export function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((total, x, i) => total + x * entry(b, i), 0);
}

/** A x for an n x n row-major matrix. */
export function multiply(matrix: Float64Array, x: Float64Array): Float64Array {
  const n = x.length;
  return x.map((_, i) => dot(matrix.subarray(i * n, (i + 1) * n), x));
}

/** x' A x, the squared norm of sum_k x_k g_k when A is the Gram matrix of the g_k; at least 0. */
export function squaredNorm(matrix: Float64Array, x: Float64Array): number {
  return Math.max(0, dot(x, multiply(matrix, x)));
}

/** The diagonal of an n x n row-major matrix. */
export function diagonal(matrix: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => entry(matrix, i * n + i));
}

/** The rows and columns of an n x n row-major matrix named by `indices`. */
export function principal(
  matrix: Float64Array,
  n: number,
  indices: readonly number[],
): Float64Array {
  return Float64Array.from(indices.flatMap((i) => indices.map((j) => entry(matrix, i * n + j))));
}

/** A_ij = d_i d_j C_ij with the diagonal of C between 1/2 and 2. */
export interface Balanced {
  readonly balanced: Float64Array;
  /** d, powers of two near the gradients' norms. */
  readonly scales: Float64Array;
}

/**
 * A Gram matrix with its norms taken out. Solving in C instead of A is what makes every solver here
 * indifferent to tasks whose gradients differ by many orders of magnitude. Powers of two divide
 * without rounding, so what cancels exactly in A still does in C. Rows of norm 0 stay 0, with d = 1.
 */
export function balance(matrix: Float64Array, n: number): Balanced {
  const scales = diagonal(matrix, n).map((x) => (x > 0 ? 2 ** Math.round(Math.log2(x) / 2) : 1));
  const balanced = matrix.map(
    (x, at) => x / entry(scales, Math.floor(at / n)) / entry(scales, at % n),
  );
  return { balanced, scales };
}
