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

/**
 * An inner-product matrix with its norms taken out: H_ij = d_i d_j C_ij, C_ii = 1. Rows of norm 0
 * keep C = 0 and get d = 1. Solving in C instead of H is what makes every solver here indifferent to
 * tasks whose gradients differ by many orders of magnitude.
 */
export function toCosines(
  matrix: Float64Array,
  n: number,
): { readonly cosines: Float64Array; readonly norms: Float64Array } {
  const norms = diagonal(matrix, n).map((x) => (x > 0 ? Math.sqrt(x) : 1));
  const cosines = matrix.map((x, at) => {
    const row = Math.floor(at / n);
    const column = at % n;
    if (row === column) return x > 0 ? 1 : 0;
    return x / entry(norms, row) / entry(norms, column);
  });
  return { cosines, norms };
}
