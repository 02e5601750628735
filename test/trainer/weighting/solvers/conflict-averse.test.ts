import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/index.ts';
import {
  type ConflictAverse,
  solveConflictAverse,
} from '../../../../src/trainer/weighting/solvers/conflict-averse.ts';
import { dot, multiply, squaredNorm } from '../../../../src/trainer/weighting/solvers/matrix.ts';
import { gradientSet, simplexPoint } from '../../../helpers/gradient-sets.ts';

const value = ({ gram, linear, radius, smoothing }: ConflictAverse, w: Float64Array): number =>
  dot(linear, w) + radius * Math.sqrt(squaredNorm(gram, w) + smoothing);

/** CAGrad's problem for a set of gradients; the 1e-8 absolute, or relative to the mean square. */
function problem(seed: number, kinds?: readonly string[]): ConflictAverse {
  const { gram, size } = gradientSet(seed, kinds);
  const uniform = new Float64Array(size).fill(1 / size);
  const mean = gram.reduce((sum, x, at) => (at % (size + 1) === 0 ? sum + x / size : sum), 0);
  const smoothing = 1e-8 * (seed % 2 === 0 ? mean : 1);
  const c = [0.1, 0.4, 0.9][seed % 3]!;
  const radius =
    c * Math.sqrt(squaredNorm(gram, uniform) + smoothing) + Math.sqrt(smoothing) * 1e-4;
  return { gram, linear: multiply(gram, uniform), radius, smoothing };
}

describe("CAGrad's inner problem", () => {
  it('meets the conditions of optimality for gradients of any kind and size', () => {
    for (let seed = 0; seed < 1500; seed++) {
      const at = problem(seed);
      const { weights, optimal } = solveConflictAverse(at);
      expect(optimal, `seed ${seed}`).toBe(true);
      const norm = Math.sqrt(squaredNorm(at.gram, weights) + at.smoothing);
      const pull = at.radius / norm;
      // w'Aw is only known to the rounding of its terms.
      const terms = squaredNorm(at.gram.map(Math.abs), weights);
      const fuzzy = 1 + (terms / norm ** 2) * 10;
      const along = multiply(at.gram, weights);
      const sizes = multiply(at.gram.map(Math.abs), weights);
      const slope = along.map((x, i) => at.linear[i]! + pull * x);
      const scale = sizes.map((x, i) => Math.abs(at.linear[i]!) + pull * x);
      const least = [...weights.keys()]
        .filter((i) => weights[i]! > 0)
        .reduce((a, b) => (scale[a]! < scale[b]! ? a : b));
      for (const [i, w] of weights.entries()) {
        const excess = slope[i]! - slope[least]!;
        const tolerance = 1e-13 * fuzzy * (scale[i]! + scale[least]!);
        expect(w > 0 ? Math.abs(excess) : -excess, `seed ${seed}, task ${i}`).toBeLessThanOrEqual(
          tolerance,
        );
      }
    }
  });

  it('is not beaten by random points of the simplex', () => {
    for (let seed = 0; seed < 500; seed++) {
      const at = problem(seed);
      const { weights } = solveConflictAverse(at);
      const random = seededRandom(seed, 9);
      const best = value(at, weights);
      for (let trial = 0; trial < 10; trial++) {
        const point = simplexPoint(random, weights.length);
        const other = trial < 5 ? point : point.map((x, i) => (x + 99 * weights[i]!) / 100);
        const reach = Math.max(...at.gram.map(Math.abs));
        expect(best, `seed ${seed}`).toBeLessThanOrEqual(
          value(at, other) + 1e-14 * (reach + at.radius * Math.sqrt(reach)),
        );
      }
    }
  });

  it('needs few quadratic programs', () => {
    const rounds = Array.from({ length: 1000 }, (_, s) => solveConflictAverse(problem(s)).rounds);
    rounds.sort((a, b) => a - b);
    expect(rounds[500]).toBeLessThanOrEqual(2);
    expect(rounds[999]).toBeLessThanOrEqual(20);
  });
});
