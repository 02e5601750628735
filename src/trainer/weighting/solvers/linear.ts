import { entry } from './matrix.ts';

/** L and U of a row-permuted square matrix in one array, and the permutation. */
interface Factors {
  readonly lu: Float64Array;
  readonly order: readonly number[];
}

/** Gaussian elimination with row exchanges; undefined where a pivot is 0 to working precision. */
function factorise(matrix: Float64Array, n: number, tolerance: number): Factors | undefined {
  const lu = Float64Array.from(matrix);
  const order = Array.from({ length: n }, (_, i) => i);
  const at = (i: number, j: number): number => entry(lu, entry(order, i) * n + j);
  for (let k = 0; k < n; k++) {
    let best = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(at(i, k)) > Math.abs(at(best, k))) best = i;
    const [upper, lower] = [entry(order, k), entry(order, best)];
    order[k] = lower;
    order[best] = upper;
    const pivot = at(k, k);
    if (!(Math.abs(pivot) > tolerance)) return undefined;
    for (let i = k + 1; i < n; i++) {
      const row = entry(order, i) * n;
      const factor = at(i, k) / pivot;
      lu[row + k] = factor;
      for (let j = k + 1; j < n; j++) lu[row + j] = entry(lu, row + j) - factor * at(k, j);
    }
  }
  return { lu, order };
}

function substitute({ lu, order }: Factors, right: Float64Array): Float64Array {
  const n = right.length;
  const x = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = entry(right, entry(order, i));
    for (let j = 0; j < i; j++) sum -= entry(lu, entry(order, i) * n + j) * entry(x, j);
    x[i] = sum;
  }
  for (let i = n - 1; i >= 0; i--) {
    let sum = entry(x, i);
    for (let j = i + 1; j < n; j++) sum -= entry(lu, entry(order, i) * n + j) * entry(x, j);
    x[i] = sum / entry(lu, entry(order, i) * n + i);
  }
  return x;
}

/**
 * x of A x = b, by LU with row exchanges and two rounds of iterative refinement, which bring the
 * backward error down to rounding in every component.
 * @param matrix n x n, row-major, entries of order 1: the pivots are judged against `tolerance` as
 * they are.
 * @returns undefined for a matrix that is singular to working precision.
 */
export function solveLinear(
  matrix: Float64Array,
  right: Float64Array,
  tolerance = 1e-15 * right.length,
): Float64Array | undefined {
  const n = right.length;
  const factors = factorise(matrix, n, tolerance);
  if (factors === undefined) return undefined;
  let x = substitute(factors, right);
  for (let round = 0; round < 2; round++) {
    const residual = right.map((b, i) =>
      x.reduce((left, value, j) => left - entry(matrix, i * n + j) * value, b),
    );
    const correction = substitute(factors, residual);
    x = x.map((value, i) => value + entry(correction, i));
  }
  return x.every(Number.isFinite) ? x : undefined;
}
