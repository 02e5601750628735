import { entry, squaredNorm } from './matrix.ts';
import { solveQuadraticProgram, stationaryOn } from './quadratic-program.ts';

/** min b'w + c sqrt(w'Aw + eps) over the simplex. */
export interface ConflictAverse {
  /** A, n x n. */
  readonly gram: Float64Array;
  /** b. */
  readonly linear: Float64Array;
  /** c > 0. */
  readonly radius: number;
  /** eps >= 0. */
  readonly smoothing: number;
}

export interface ConflictAverseSolution {
  readonly weights: Float64Array;
  /** Quadratic programs solved. */
  readonly rounds: number;
  readonly optimal: boolean;
}

const MAX_ROUNDS = 200;

/**
 * The tau at which sqrt(w'Aw + eps) = c tau along one support, where w(tau) = w_0 + tau w_1 and
 * w_0'A w_1 = 0: tau^2 = (w_0'A w_0 + eps) / (c^2 - w_1'A w_1), infinite where that is negative.
 */
function crossing(
  { gram, radius, smoothing }: ConflictAverse,
  support: readonly number[],
  weights: Float64Array,
  tau: number,
): number | undefined {
  const program = { hessian: gram, linear: new Float64Array(weights.length), simplex: true };
  const start = stationaryOn(program, support);
  if (start === undefined) return undefined;
  const along = weights.map((w, i) => (w - entry(start, i)) / tau);
  const room = radius * radius - squaredNorm(gram, along);
  return room > 0 ? Math.sqrt((squaredNorm(gram, start) + smoothing) / room) : Infinity;
}

/**
 * CAGrad's inner problem, exact. At its minimiser w the norm s = sqrt(w'Aw + eps) is a number; with
 * tau = s / c the conditions of optimality are those of the quadratic program
 *
 *   min 1/2 w'Aw + tau b'w over the simplex,   w = w(tau),
 *
 * so the problem is one equation, s(w(tau)) = c tau, in one unknown: below the root the left side is
 * larger, above it the right. On each support the root is in closed form; the search ends when the
 * root found on a support is the tau that support came from. Bisection guards the rest.
 */
export function solveConflictAverse(problem: ConflictAverse): ConflictAverseSolution {
  const { gram, linear, radius, smoothing } = problem;
  const n = linear.length;
  const uniform = new Float64Array(n).fill(1 / n);
  const norm = (w: Float64Array): number => Math.sqrt(squaredNorm(gram, w) + smoothing);
  const longest = Math.sqrt(
    gram.reduce((most, x, at) => (at % (n + 1) === 0 ? Math.max(most, x) : most), 0) + smoothing,
  );
  // Rounding of w'Aw, the terms of which cancel where gradients oppose each other.
  const blur = (w: Float64Array): number =>
    16 * n * Number.EPSILON * squaredNorm(gram.map(Math.abs), w);
  let low = 0;
  let high = (longest / radius) * (1 + 1e-12);
  let tau = Math.min(high, norm(uniform) / radius);
  let weights: Float64Array = uniform;
  for (let rounds = 1; rounds <= MAX_ROUNDS; rounds++) {
    const at = tau;
    const solved = solveQuadraticProgram({
      hessian: gram,
      linear: linear.map((b) => -at * b),
      simplex: true,
    });
    ({ weights } = solved);
    const gap = norm(weights) ** 2 - (radius * tau) ** 2;
    if (Math.abs(gap) <= blur(weights)) return { weights, rounds, optimal: solved.optimal };
    if (gap > 0) low = tau;
    else high = tau;
    const root = crossing(problem, solved.support, weights, tau);
    if (root !== undefined && Math.abs(root - tau) <= 1e-14 * tau)
      return { weights, rounds, optimal: solved.optimal };
    if (high - low <= 1e-15 * high) return { weights, rounds, optimal: solved.optimal };
    const inside = root !== undefined && root > low && root < high;
    tau = inside ? root : low === 0 ? high / 16 : Math.sqrt(low * high);
  }
  return { weights, rounds: MAX_ROUNDS, optimal: false };
}
