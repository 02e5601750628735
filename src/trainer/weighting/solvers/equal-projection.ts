import { solveLinear } from './linear.ts';
import { balance, diagonal, entry } from './matrix.ts';

export interface EqualProjection {
  /** K numbers of total 1, of either sign. */
  readonly weights: Float64Array;
  /** d . u_k, the same for every k. */
  readonly projection: number;
}

/** Pivot under which unit gradients count as equal: their angle is then a few times 1e-7 at most. */
const EQUAL = 1e-13;

/**
 * The combination d = sum w_k g_k, sum w_k = 1, with equal projections on all unit gradients u_k:
 * C t = tau r and sum t_k / d_k = 1, for the balanced Gram matrix C (A = D C D), t = D w and
 * r_k = ||g_k|| / d_k. Unlike the closed
 * form with differences of gradients it singles out no task, needs the Gram matrix alone and keeps
 * its accuracy when norms differ; it also holds where C itself is singular (opposite gradients).
 * @returns undefined for a zero gradient, or where the solution is not unique (equal unit gradients).
 */
export function equalProjection(gram: Float64Array, size: number): EqualProjection | undefined {
  if (diagonal(gram, size).some((square) => !(square > 0))) return undefined;
  const { balanced, scales } = balance(gram, size);
  const lengths = diagonal(balanced, size).map(Math.sqrt);
  const least = scales.reduce((a, b) => Math.min(a, b), Infinity);
  const order = size + 1;
  const matrix = new Float64Array(order * order);
  const right = new Float64Array(order);
  right[size] = 1;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) matrix[i * order + j] = entry(balanced, i * size + j);
    matrix[i * order + size] = -entry(lengths, i);
    matrix[size * order + i] = least / entry(scales, i);
  }
  const solved = solveLinear(matrix, right, EQUAL);
  if (solved === undefined) return undefined;
  const weights = scales.map((scale, i) => (least / scale) * entry(solved, i));
  const total = weights.reduce((a, b) => a + b, 0);
  return { weights: weights.map((w) => w / total), projection: least * entry(solved, size) };
}
