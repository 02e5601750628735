import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bootstrapMean,
  correlation,
  largest,
  mean,
  quantile,
  seededRandom,
  smallest,
  standardDeviation,
  sum,
} from '../../src/core/index.ts';

const number = fc.integer({ min: -1000, max: 1000 });
const list = fc.array(number, { minLength: 1, maxLength: 30 });

describe('the largest and the smallest', () => {
  it('of a list longer than a call has arguments, and of none', () => {
    const many = Array.from({ length: 1_000_000 }, (_, i) => (i * 7) % 1_000_003);
    const sorted = many.toSorted((a, b) => a - b);
    expect([smallest(many), largest(many)]).toEqual([sorted[0], sorted.at(-1)]);
    expect([smallest([]), largest([])]).toEqual([Infinity, -Infinity]);
  });
});

describe('means and deviations', () => {
  it('of an empty list: sum 0, mean NaN', () => {
    expect(sum([])).toBe(0);
    expect(mean([])).toBeNaN();
  });

  it('move with a shift and scale with a factor', () => {
    fc.assert(
      fc.property(list, number, number, (xs, shift, factor) => {
        const moved = xs.map((x) => factor * x + shift);
        expect(mean(moved)).toBeCloseTo(factor * mean(xs) + shift, 6);
        expect(standardDeviation(moved)).toBeCloseTo(Math.abs(factor) * standardDeviation(xs), 5);
      }),
    );
  });

  it('divide by n, not n - 1', () => {
    expect(standardDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBe(2);
  });
});

describe('quantile', () => {
  it('goes from least to most, never falls, and does not change its input', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(list, share, share, (xs, a, b) => {
        const before = [...xs];
        expect(quantile(xs, 0)).toBe(Math.min(...xs));
        expect(quantile(xs, 1)).toBe(Math.max(...xs));
        expect(quantile(xs, Math.min(a, b))).toBeLessThanOrEqual(
          quantile(xs, Math.max(a, b)) + 1e-9,
        );
        expect(xs).toEqual(before);
      }),
    );
  });

  it('interpolates, and sorts by size rather than as text', () => {
    expect(quantile([10, 9, 100], 0.5)).toBe(10);
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe('correlation', () => {
  it('is 1 or -1 on a line, and NaN when a side is constant', () => {
    const xs = [1, 2, 5, 7];
    expect(
      correlation(
        xs,
        xs.map((x) => 3 * x - 1),
      ),
    ).toBeCloseTo(1, 12);
    expect(
      correlation(
        xs,
        xs.map((x) => -x),
      ),
    ).toBeCloseTo(-1, 12);
    expect(correlation(xs, [2, 2, 2, 2])).toBeNaN();
  });

  it('is the same either way round and within [-1, 1]', () => {
    const pairs = fc.array(fc.tuple(number, number), { minLength: 2, maxLength: 20 });
    fc.assert(
      fc.property(pairs, (points) => {
        const a = points.map(([x]) => x);
        const b = points.map(([, y]) => y);
        const r = correlation(a, b);
        expect(correlation(b, a)).toBe(r);
        if (!Number.isNaN(r)) expect(Math.abs(r)).toBeLessThanOrEqual(1 + 1e-12);
      }),
    );
  });
});

describe('bootstrapMean', () => {
  it('holds the mean between its ends, within the data, and repeats for a seed', () => {
    fc.assert(
      fc.property(list, fc.nat(), (xs, seed) => {
        const once = bootstrapMean(xs, { seed, rounds: 200 });
        expect(bootstrapMean(xs, { seed, rounds: 200 })).toEqual(once);
        expect(once.mean).toBe(mean(xs));
        expect(once.low).toBeLessThanOrEqual(once.high);
        expect(once.low).toBeGreaterThanOrEqual(Math.min(...xs) - 1e-9);
        expect(once.high).toBeLessThanOrEqual(Math.max(...xs) + 1e-9);
      }),
      { numRuns: 50 },
    );
  });

  it('covers the true mean about as often as it says', () => {
    const random = seededRandom(11);
    const runs = 300;
    let covered = 0;
    for (let i = 0; i < runs; i++) {
      const xs = Array.from({ length: 40 }, () => random.normal());
      const { low, high } = bootstrapMean(xs, { seed: i, rounds: 300 });
      if (low <= 0 && high >= 0) covered++;
    }
    expect(covered / runs).toBeGreaterThan(0.9);
    expect(covered / runs).toBeLessThan(0.985);
  });

  it('is wider at a higher level', () => {
    const xs = Array.from({ length: 30 }, (_, i) => (i * 7) % 13);
    const narrow = bootstrapMean(xs, { level: 0.5 });
    const wide = bootstrapMean(xs, { level: 0.99 });
    expect(wide.low).toBeLessThan(narrow.low);
    expect(wide.high).toBeGreaterThan(narrow.high);
  });
});
