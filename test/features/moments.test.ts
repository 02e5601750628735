import { describe, expect, it } from 'vitest';
import { mean, seededRandom, standardDeviation } from '../../src/core/index.ts';
import { boundedSample, columnMoments } from '../../src/features/moments.ts';

const random = seededRandom(5);
const draws = (n: number, at: number): number[] =>
  Array.from({ length: n }, () => at + random.normal());

describe('moments of columns that come piece by piece', () => {
  it('are those of the whole, also far from zero', () => {
    const pieces = [3, 40, 1, 100].map((rows) =>
      Array.from({ length: rows }, () => [...draws(1, 1e7), ...draws(1, -2)]),
    );
    const moments = columnMoments(2);
    for (const piece of pieces) moments.add(piece.flat());
    const columns = [0, 1].map((j) => pieces.flat().map((row) => row[j]!));
    columns.forEach((column, j) => {
      expect(moments.mean()[j]).toBeCloseTo(mean(column), 7);
      expect(moments.sd()[j]).toBeCloseTo(standardDeviation(column), 7);
    });
  });
});

describe('a bounded sample', () => {
  it('is everything while that is little, and every 2^n-th value beyond', () => {
    const sample = boundedSample(8);
    for (let i = 0; i < 7; i++) sample.add(i);
    expect([...sample.values()]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (let i = 7; i < 40; i++) sample.add(i);
    const kept = [...sample.values()];
    expect(kept.length).toBeLessThan(8);
    const stride = kept[1]! - kept[0]!;
    expect(kept).toEqual(kept.map((_, i) => i * stride));
    expect(stride).toBe(8);
  });
});
