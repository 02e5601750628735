import { solveLinear } from './linear.ts';
import { balance, diagonal, entry } from './matrix.ts';

/** min 1/2 w'Hw - q'w over w >= 0, with sum w = 1 if `simplex`. */
export interface QuadraticProgram {
  /** H, n x n, positive semidefinite. */
  readonly hessian: Float64Array;
  /** q. */
  readonly linear: Float64Array;
  readonly simplex: boolean;
}

export interface QuadraticSolution {
  readonly weights: Float64Array;
  /** Indices of the positive weights, ascending. */
  readonly support: readonly number[];
  /** Whether the conditions of optimality hold to rounding. */
  readonly optimal: boolean;
}

/** The program in t, w_i = v_i t_i: diagonal near 1, so no task's scale hides another's. */
interface Scaled {
  readonly balanced: Float64Array;
  readonly linear: Float64Array;
  readonly scale: Float64Array;
  readonly simplex: boolean;
}

/** A stationary point on a support: t, and the multiplier mu of sum v t = 1. */
interface Stationary {
  readonly point: Float64Array;
  readonly multiplier: number;
}

/** Relative size of what rounding leaves of a sum of so many terms. */
const noise = (n: number): number => 16 * (n + 2) * Number.EPSILON;

function scaled({ hessian, linear, simplex }: QuadraticProgram): Scaled {
  const n = linear.length;
  const { balanced, scales } = balance(hessian, n);
  const positive = scales.filter((_, i) => entry(hessian, i * n + i) > 0);
  const unit = positive.reduce((a, b) => Math.min(a, b), Infinity);
  const least = unit === Infinity ? 1 : unit;
  const size = diagonal(balanced, n).map((c, i) => (c > 0 ? entry(scales, i) : least));
  return {
    balanced,
    linear: linear.map((q, i) => q / entry(size, i) / least),
    scale: size.map((d) => least / d),
    simplex,
  };
}

/** C_S t + mu v_S = p_S and v't = 1 (or mu = 0), whatever the signs; t is 0 off the support. */
function stationary(program: Scaled, support: readonly number[]): Stationary | undefined {
  const { balanced, linear, scale, simplex } = program;
  const n = linear.length;
  const m = support.length;
  const size = simplex ? m + 1 : m;
  const top = support.reduce((a, i) => Math.max(a, entry(scale, i)), 0);
  const matrix = new Float64Array(size * size);
  const right = new Float64Array(size);
  for (const [row, i] of support.entries()) {
    for (const [column, j] of support.entries())
      matrix[row * size + column] = entry(balanced, i * n + j);
    right[row] = entry(linear, i);
    if (!simplex) continue;
    matrix[row * size + m] = entry(scale, i) / top;
    matrix[m * size + row] = entry(scale, i) / top;
  }
  if (simplex) right[m] = 1 / top;
  const solved = solveLinear(matrix, right);
  if (solved === undefined) return undefined;
  const point = new Float64Array(n);
  for (const [row, i] of support.entries()) point[i] = entry(solved, row);
  return { point, multiplier: simplex ? entry(solved, m) / top : 0 };
}

/** The index whose entry into the support lowers the objective most, relative to rounding. */
function entering(
  { balanced, linear, scale }: Scaled,
  { point, multiplier }: Stationary,
  barred: ReadonlySet<number>,
): number | undefined {
  const n = linear.length;
  let best: number | undefined;
  let most = noise(n);
  for (let i = 0; i < n; i++) {
    if (entry(point, i) > 0 || barred.has(i)) continue;
    let slope = entry(linear, i) - multiplier * entry(scale, i);
    let size = Math.abs(entry(linear, i)) + Math.abs(multiplier * entry(scale, i));
    for (let j = 0; j < n; j++) {
      const term = entry(balanced, i * n + j) * entry(point, j);
      slope -= term;
      size += Math.abs(term);
    }
    if (slope > most * size) [best, most] = [i, slope / size];
  }
  return best;
}

/** From a feasible point towards the stationary point of a support, dropping what turns negative. */
function descend(
  program: Scaled,
  from: Float64Array,
  start: readonly number[],
): Stationary | undefined {
  let support = start;
  let point = from;
  while (support.length > 0) {
    const target = stationary(program, support);
    if (target === undefined) return undefined;
    const blocking = support.filter((i) => entry(target.point, i) <= 0);
    if (blocking.length === 0) return target;
    const ratio = (i: number): number =>
      entry(point, i) / (entry(point, i) - entry(target.point, i));
    const step = blocking.reduce((least, i) => Math.min(least, ratio(i)), 1);
    const dropped = new Set(blocking.filter((i) => !(ratio(i) > step)));
    point = point.map((x, i) => (dropped.has(i) ? 0 : x + step * (entry(target.point, i) - x)));
    support = support.filter((i) => !dropped.has(i));
  }
  return { point: new Float64Array(from.length), multiplier: 0 };
}

const supportOf = (point: Float64Array): number[] =>
  [...point.keys()].filter((i) => entry(point, i) > 0);

function firstPoint(program: Scaled): Stationary {
  const none = { point: new Float64Array(program.linear.length), multiplier: 0 };
  if (!program.simplex) return none;
  const { balanced, linear, scale } = program;
  const n = linear.length;
  // The best corner w = e_i, t_i = 1 / v_i.
  const value = linear.map((p, i) => {
    const t = 1 / entry(scale, i);
    return t * ((entry(balanced, i * n + i) * t) / 2 - p);
  });
  const corner = value.reduce((best, x, i) => (x < entry(value, best) ? i : best), 0);
  return stationary(program, [corner]) ?? none;
}

function toSolution(program: Scaled, point: Float64Array, optimal: boolean): QuadraticSolution {
  const raw = point.map((t, i) => t * entry(program.scale, i));
  const total = program.simplex ? raw.reduce((a, b) => a + b, 0) : 1;
  return { weights: raw.map((w) => w / total), support: supportOf(point), optimal };
}

/** The active set method; `clean` if no index was refused that the slopes would have let in. */
function activeSet(
  program: Scaled,
): Stationary & { readonly optimal: boolean; readonly clean: boolean } {
  const n = program.linear.length;
  let current = firstPoint(program);
  let barred = new Set<number>();
  for (let round = 0; round < 20 * n + 20; round++) {
    const index = entering(program, current, barred);
    if (index === undefined) return { ...current, optimal: true, clean: barred.size === 0 };
    const support = [...supportOf(current.point), index].sort((a, b) => a - b);
    const next = descend(program, current.point, support);
    // An index that leaves at once, or that depends on the support, entered on rounding alone.
    if (next === undefined || entry(next.point, index) === 0) barred = new Set([...barred, index]);
    else barred = new Set();
    if (next !== undefined) current = next;
  }
  return { ...current, optimal: false, clean: false };
}

/**
 * Exact minimiser of a small convex quadratic over the simplex or the nonnegative orthant, by an
 * active set: an index enters where the slope is steepest, the point moves to the stationary point
 * of its support, and weights that would turn negative leave (Wolfe 1976 on the simplex, Lawson and
 * Hanson 1974 on the orthant). Each support is solved exactly, so the answer carries rounding only:
 * no step sizes, no stopping tolerance on progress, no clamps. Where several points are optimal,
 * one of least support reached is returned.
 *
 * A Gram matrix of gradients that cancel is rounded, and may curve downwards by that much. Where an
 * index is refused because of it, the program is solved again with the diagonal raised by rounding.
 */
export function solveQuadraticProgram(program: QuadraticProgram): QuadraticSolution {
  const n = program.linear.length;
  const inner = scaled(program);
  const first = activeSet(inner);
  if (first.clean) return toSolution(inner, first.point, first.optimal);
  const raised = inner.balanced.map((x, at) => (at % (n + 1) === 0 ? x * (1 + noise(n)) : x));
  const second = activeSet({ ...inner, balanced: raised });
  const better = second.optimal ? second : first;
  return toSolution(inner, better.point, better.optimal);
}

/**
 * The minimiser with the support held and signs ignored (sum w = 1 kept).
 * @returns undefined where it is not unique.
 */
export function stationaryOn(
  program: QuadraticProgram,
  support: readonly number[],
): Float64Array | undefined {
  const inner = scaled(program);
  return stationary(inner, support)?.point.map((t, i) => t * entry(inner.scale, i));
}
