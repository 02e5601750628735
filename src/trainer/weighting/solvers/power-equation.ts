import { solveLinear } from './linear.ts';
import { balance, diagonal, dot, entry, multiply, principal } from './matrix.ts';
import { symmetricEigen } from './eigen.ts';
import { solveQuadraticProgram } from './quadratic-program.ts';

export interface PowerSolution {
  readonly weights: Float64Array;
  /** max_i of |(A w)_i - w_i^(-1/alpha)| against the sum of the terms' magnitudes: rounding if solved. */
  readonly residual: number;
  readonly iterations: number;
  /** No finite solution exists: zero gradients were dropped, or the diagonal was raised. */
  readonly degenerate: boolean;
}

/** C u = b u^(-1/alpha) at u: Q = diag(u) C diag(u), h_i = b_i u_i^(1-1/alpha); solved when Q 1 = h. */
interface Iterate {
  readonly logU: Float64Array;
  readonly q: Float64Array;
  readonly h: Float64Array;
  /** Q 1 - h, the slope along relative changes of u. */
  readonly slope: Float64Array;
  /** max |slope_i| against the magnitudes of its terms. */
  readonly residual: number;
}

/** Squared distance from 0 of the hull of balanced gradients under which a solution counts as infinite. */
const OPPOSED = 1e-13;
const DIAGONAL = 1e-10;
const MAX_ITERATIONS = 150;
const ROUNDING = 1e-13;
/** Relative change under which Newton converges quadratically. */
const NEAR = 0.1;

function evaluate(
  balanced: Float64Array,
  logB: Float64Array,
  kappa: number,
  logU: Float64Array,
): Iterate {
  const n = logU.length;
  const u = logU.map(Math.exp);
  const q = balanced.map((c, at) => c * entry(u, Math.floor(at / n)) * entry(u, at % n));
  const h = logU.map((y, i) => Math.exp(entry(logB, i) + kappa * y));
  const slope = multiply(q, new Float64Array(n).fill(1)).map((x, i) => x - entry(h, i));
  const sizes = multiply(q.map(Math.abs), new Float64Array(n).fill(1));
  const residual = slope.reduce(
    (most, x, i) => Math.max(most, Math.abs(x) / (entry(h, i) + entry(sizes, i))),
    0,
  );
  return { logU, q, h, slope, residual };
}

/** Newton's relative change of u: (Q + diag(h) / alpha) delta = -slope, with the diagonal taken to 1. */
function newtonDirection({ q, h, slope }: Iterate, alpha: number): Float64Array | undefined {
  const n = h.length;
  const hessian = q.map((x, at) => (at % (n + 1) === 0 ? x + entry(h, at % n) / alpha : x));
  const size = diagonal(hessian, n).map(Math.sqrt);
  const unit = hessian.map((x, at) => x / entry(size, Math.floor(at / n)) / entry(size, at % n));
  const right = slope.map((x, i) => -x / entry(size, i));
  // Far from the solution duplicates may leave the matrix singular to rounding.
  const damped = (): Float64Array => unit.map((x, at) => (at % (n + 1) === 0 ? x + DIAGONAL : x));
  const solved = solveLinear(unit, right) ?? solveLinear(damped(), right);
  return solved?.map((x, i) => x / entry(size, i));
}

/** F(u + step u delta) - F(u) of the convex F = 1/2 u'Cu - sum b U(u), without cancellation. */
function change({ q, h }: Iterate, delta: Float64Array, step: number, kappa: number): number {
  const along = delta.map((x) => step * x);
  const curved = multiply(q, along);
  const quadratic = along.reduce((total, _, i) => total + entry(curved, i), 0);
  return h.reduce(
    (total, weight, i) => {
      const relative = Math.log1p(entry(along, i));
      const gain = kappa === 0 ? relative : Math.expm1(kappa * relative) / kappa;
      return total - weight * gain;
    },
    quadratic + dot(along, curved) / 2,
  );
}

/** The longest step of 0.9 of the way to the boundary, 1, 1/2, 1/4, ... that lowers F enough. */
function stepLength(at: Iterate, delta: Float64Array, kappa: number): number {
  const lowest = delta.reduce((a, b) => Math.min(a, b), 0);
  let step = lowest < -0.9 ? -0.9 / lowest : 1;
  const slope = dot(at.slope, delta);
  const size = at.h.reduce((a, b) => a + b, 0);
  // Below rounding F cannot judge; Newton's step is then good to second order.
  if (-slope < 1e-13 * size) return step;
  for (let halving = 0; halving < 40; halving++) {
    if (change(at, delta, step, kappa) <= 1e-4 * step * slope) return step;
    step /= 2;
  }
  return step;
}

/**
 * Damped Newton from `start` (log u), until rounding is all that is left, or until no u changes by
 * more than `near` of itself.
 */
function newton(
  balanced: Float64Array,
  logScales: Float64Array,
  alpha: number,
  start: Float64Array,
  near = 0,
): { readonly last: Iterate; readonly iterations: number } {
  const kappa = 1 - 1 / alpha;
  const logB = logScales.map((x) => (x * (1 - alpha)) / alpha);
  let last = evaluate(balanced, logB, kappa, start);
  let moved = Infinity;
  let iterations = 0;
  while (iterations < MAX_ITERATIONS) {
    const delta = newtonDirection(last, alpha);
    if (delta === undefined) break;
    const step = stepLength(last, delta, kappa);
    const move = delta.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    // At the level of rounding one more step is worth taking as long as the steps shrink.
    if (move === 0 || (last.residual < ROUNDING && move >= moved / 2)) break;
    const logU = last.logU.map((y, i) => y + Math.log1p(step * entry(delta, i)));
    last = evaluate(balanced, logB, kappa, logU);
    moved = move;
    iterations++;
    if (move < near) break;
  }
  return { last, iterations };
}

/**
 * From the solution for alpha 1, which does not depend on the norms, to the one for alpha, each
 * stage at most doubling or halving it. Between stages u moves as if the gradients were orthogonal,
 * where u_i = d_i^((1-alpha)/(1+alpha)).
 */
function follow(balanced: Float64Array, logScales: Float64Array, alpha: number) {
  const stages = Math.ceil(Math.abs(Math.log2(alpha)));
  const path = Array.from({ length: stages }, (_, k) =>
    k + 1 === stages ? alpha : alpha ** ((k + 1) / stages),
  );
  const exponent = (a: number): number => (1 - a) / (1 + a);
  let before = 1;
  const even = new Float64Array(logScales.length);
  let { last, iterations } = newton(balanced, logScales, 1, even, stages === 0 ? 0 : NEAR);
  for (const next of path) {
    const moved = exponent(next) - exponent(before);
    const start = last.logU.map((y, i) => y + moved * entry(logScales, i));
    const solved = newton(balanced, logScales, next, start, next === alpha ? 0 : NEAR);
    last = solved.last;
    iterations += solved.iterations;
    before = next;
  }
  return { last, iterations };
}

/** C with a raised diagonal where a positive combination of the gradients vanishes. */
function regularised(balanced: Float64Array, n: number): Float64Array | undefined {
  const { weights } = solveQuadraticProgram({
    hessian: balanced,
    linear: new Float64Array(n),
    simplex: true,
  });
  if (dot(weights, multiply(balanced, weights)) > OPPOSED) return undefined;
  const least = symmetricEigen(balanced, n).values.reduce((a, b) => Math.min(a, b), 0);
  return balanced.map((c, at) => (at % (n + 1) === 0 ? c + DIAGONAL - 2 * least : c));
}

/**
 * The solution w > 0 of A w = w^(-1/alpha), entry by entry, for the Gram matrix A of K gradients:
 * FairGrad (Ban and Ji 2024); alpha 1 is Nash-MTL's bargaining point (Navon et al. 2022).
 *
 * It is where the convex F(w) = 1/2 w'Aw - sum U(w_i), U' = w^(-1/alpha), is least. With the norms
 * taken out (A = D C D, u = D w) it reads C u = b u^(-1/alpha), b_i = d_i^((1-alpha)/alpha), whose
 * matrix does not change when gradients are rescaled: norms from 1e-8 to 1e8 cost no accuracy, and
 * for alpha 1 the problem does not depend on them at all. Newton works on relative changes of u with
 * u kept as logarithms, so no power overflows.
 *
 * No finite solution exists for a zero gradient (dropped, weight 0) or where a positive combination
 * of gradients is zero (the diagonal of C is raised by 1e-10); both are reported.
 */
export function solvePowerEquation(gram: Float64Array, size: number, alpha: number): PowerSolution {
  const kept = Array.from({ length: size }, (_, i) => i).filter(
    (i) => entry(gram, i * size + i) > 0,
  );
  const n = kept.length;
  const weights = new Float64Array(size);
  if (n === 0) return { weights, residual: 0, iterations: 0, degenerate: true };
  const { balanced, scales } = balance(principal(gram, size, kept), n);
  const raised = regularised(balanced, n);
  const logScales = scales.map(Math.log);
  const { last, iterations } = follow(raised ?? balanced, logScales, alpha);
  for (const [i, k] of kept.entries())
    weights[k] = Math.exp(entry(last.logU, i) - entry(logScales, i));
  return {
    weights,
    residual: last.residual,
    iterations,
    degenerate: n < size || raised !== undefined,
  };
}
