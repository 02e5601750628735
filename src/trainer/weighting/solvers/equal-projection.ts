import { solveLinear } from './linear.ts';
import { diagonal, entry, toCosines } from './matrix.ts';

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
 * C t = tau 1 and sum t_k / ||g_k|| = 1 for t_k = ||g_k|| w_k and the cosines C. Unlike the closed
 * form with differences of gradients it singles out no task, needs the Gram matrix alone and keeps
 * its accuracy when norms differ; it also holds where C itself is singular (opposite gradients).
 * @returns undefined for a zero gradient, or where the solution is not unique (equal unit gradients).
 */
export function equalProjection(gram: Float64Array, size: number): EqualProjection | undefined {
  if (diagonal(gram, size).some((square) => !(square > 0))) return undefined;
  const { cosines, norms } = toCosines(gram, size);
  const least = norms.reduce((a, b) => Math.min(a, b), Infinity);
  const order = size + 1;
  const matrix = new Float64Array(order * order);
  const right = new Float64Array(order);
  right[size] = 1;
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) matrix[i * order + j] = entry(cosines, i * size + j);
    matrix[i * order + size] = -1;
    matrix[size * order + i] = least / entry(norms, i);
  }
  const solved = solveLinear(matrix, right, EQUAL);
  if (solved === undefined) return undefined;
  const weights = norms.map((norm, i) => (least / norm) * entry(solved, i));
  const total = weights.reduce((a, b) => a + b, 0);
  return { weights: weights.map((w) => w / total), projection: least * entry(solved, size) };
}
