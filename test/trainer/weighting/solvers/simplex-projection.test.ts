import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { projectToSimplex } from '../../../../src/trainer/weighting/solvers/simplex-projection.ts';

const entry = fc.integer({ min: -3000, max: 3000 }).map((x) => x / 1000);
const points = fc.array(entry, { minLength: 1, maxLength: 8 });
const total = (x: Iterable<number>): number => [...x].reduce((a, b) => a + b, 0);
const distance = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.hypot(...Array.from(a, (x, i) => x - b[i]!));

describe('projection on the simplex', () => {
  it.each([
    [[5], [1]],
    [
      [0.25, 0.75],
      [0.25, 0.75],
    ],
    [
      [1, 1],
      [0.5, 0.5],
    ],
    [
      [0, 3],
      [0, 1],
    ],
    [
      [1e300, -1e300, 1e300],
      [0.5, 0, 0.5],
    ],
    [
      [0.5, 0.25, -1],
      [0.625, 0.375, 0],
    ],
  ])('of %j is %j', (x, expected) => {
    expect([...projectToSimplex(Float64Array.from(x))]).toEqual(expected);
  });

  it('lies on the simplex, keeps points of it, and no other point of it is nearer', () => {
    fc.assert(
      fc.property(points, points, (x, raw) => {
        const w = projectToSimplex(Float64Array.from(x));
        expect(Math.min(...w)).toBeGreaterThanOrEqual(0);
        expect(total(w)).toBeCloseTo(1, 12);
        expect(distance(projectToSimplex(w), w)).toBeLessThan(1e-12);
        const masses = x.map((_, k) => Math.exp(raw[k % raw.length]!));
        const other = masses.map((m) => m / total(masses));
        expect(distance(w, x)).toBeLessThanOrEqual(distance(other, x) + 1e-12);
        for (let k = 0; k < x.length; k++) {
          const corner = x.map((_, i) => (i === k ? 1 : 0));
          expect(distance(w, x)).toBeLessThanOrEqual(distance(corner, x) + 1e-12);
        }
      }),
      { numRuns: 2000, seed: 1 },
    );
  });
});
