import { seededRandom } from './random.ts';

export function sum(xs: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < xs.length; i++) total += xs[i] ?? 0;
  return total;
}

/** The largest, of a list of any length; -Infinity for an empty one. */
export function largest(xs: ArrayLike<number>): number {
  let top = -Infinity;
  for (let i = 0; i < xs.length; i++) top = Math.max(top, xs[i] ?? -Infinity);
  return top;
}

/** The smallest, of a list of any length; Infinity for an empty one. */
export function smallest(xs: ArrayLike<number>): number {
  let low = Infinity;
  for (let i = 0; i < xs.length; i++) low = Math.min(low, xs[i] ?? Infinity);
  return low;
}

/** Arithmetic mean; NaN for an empty list. */
export function mean(xs: ArrayLike<number>): number {
  return sum(xs) / xs.length;
}

/** Standard deviation with divisor n (population). */
export function standardDeviation(xs: ArrayLike<number>): number {
  const m = mean(xs);
  let total = 0;
  for (let i = 0; i < xs.length; i++) total += ((xs[i] ?? 0) - m) ** 2;
  return Math.sqrt(total / xs.length);
}

/** Quantile by linear interpolation between order statistics; `q` in [0, 1]. */
export function quantile(xs: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(xs).sort();
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const a = sorted[low] ?? Number.NaN;
  const b = sorted[Math.min(low + 1, sorted.length - 1)] ?? Number.NaN;
  return a + (b - a) * (at - low);
}

/** Pearson correlation; NaN when a side is constant. */
export function correlation(xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  const mx = mean(xs);
  const my = mean(ys);
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < xs.length; i++) {
    const dx = (xs[i] ?? 0) - mx;
    const dy = (ys[i] ?? 0) - my;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xy / Math.sqrt(xx * yy);
}

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Mean with a seeded percentile-bootstrap interval (95 % by default). */
export function bootstrapMean(
  xs: ArrayLike<number>,
  options: { readonly seed?: number; readonly rounds?: number; readonly level?: number } = {},
): Interval {
  const { seed = 1, rounds = 2000, level = 0.95 } = options;
  const random = seededRandom(seed, 0xb007);
  const means = new Float64Array(rounds);
  for (let r = 0; r < rounds; r++) {
    let total = 0;
    for (let i = 0; i < xs.length; i++) total += xs[random.below(xs.length)] ?? 0;
    means[r] = total / xs.length;
  }
  const tail = (1 - level) / 2;
  return { mean: mean(xs), low: quantile(means, tail), high: quantile(means, 1 - tail) };
}
