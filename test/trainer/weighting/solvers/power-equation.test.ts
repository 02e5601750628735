import { describe, expect, it } from 'vitest';
import { dot, multiply } from '../../../../src/trainer/weighting/solvers/matrix.ts';
import { solvePowerEquation } from '../../../../src/trainer/weighting/solvers/power-equation.ts';
import { gradientSet, gramOf } from '../../../helpers/gradient-sets.ts';

const SOLVABLE = ['generic', 'near-duplicate', 'duplicate', 'rank-deficient'];
const ALPHAS = [0.5, 1, 2, 5];

const gap = (a: Float64Array, b: Float64Array): number =>
  Math.max(...a.map((x, i) => Math.abs(x / b[i]! - 1)));

describe('A w = w^(-1/alpha)', () => {
  it.each([0.1, ...ALPHAS, 10])('holds to rounding whatever the gradients, alpha %d', (alpha) => {
    for (let seed = 0; seed < 400; seed++) {
      const { gram, size, kind } = gradientSet(seed, [...SOLVABLE, 'near-opposite']);
      const { weights, residual, degenerate } = solvePowerEquation(gram, size, alpha);
      const label = `seed ${seed} ${kind}`;
      expect(degenerate, label).toBe(false);
      expect(residual, label).toBeLessThan(1e-13);
      expect(Math.min(...weights), label).toBeGreaterThan(0);
      const terms = multiply(gram.map(Math.abs), weights);
      multiply(gram, weights).forEach((x, i) => {
        const right = weights[i]! ** (-1 / alpha);
        expect(Math.abs(x - right) / (terms[i]! + right), label).toBeLessThan(1e-12);
      });
    }
  });

  it('follows w(s^2 A) = s^(-2 alpha / (alpha + 1)) w(A) over 16 decades of norms', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { gram, size } = gradientSet(seed, SOLVABLE, 0);
      for (const alpha of ALPHAS) {
        const plain = solvePowerEquation(gram, size, alpha).weights;
        for (const s of [1e-8, 1e-4, 1e4, 1e8]) {
          const scaled = solvePowerEquation(
            gram.map((x) => x * s * s),
            size,
            alpha,
          ).weights;
          const expected = plain.map((w) => w * s ** ((-2 * alpha) / (alpha + 1)));
          expect(gap(scaled, expected), `seed ${seed}`).toBeLessThan(1e-11);
        }
      }
    }
  });

  it('with alpha 1 each weight undoes its gradient norm, and the step has norm sqrt K', () => {
    for (let seed = 0; seed < 500; seed++) {
      const { rows, size } = gradientSet(seed, ['generic', 'rank-deficient'], 0);
      const scales = rows.map((_, k) => 10 ** (((seed * 7 + k * 5) % 17) - 8));
      const a = solvePowerEquation(gramOf(rows), size, 1).weights;
      const gram = gramOf(rows.map((row, k) => row.map((x) => x * scales[k]!)));
      const b = solvePowerEquation(gram, size, 1).weights;
      expect(
        gap(
          b.map((w, k) => w * scales[k]!),
          a,
        ),
        `seed ${seed}`,
      ).toBeLessThan(1e-9);
      expect(dot(b, multiply(gram, b)) / size).toBeCloseTo(1, 9);
    }
  });

  it('is symmetric: duplicates share alike, orthogonal gradients have the closed form', () => {
    const norms = [1e-8, 1, 1e8];
    const gram = Float64Array.from({ length: 9 }, (_, at) =>
      at % 4 === 0 ? norms[at / 4]! ** 2 : 0,
    );
    for (const alpha of ALPHAS) {
      const { weights } = solvePowerEquation(gram, 3, alpha);
      const closed = Float64Array.from(norms, (d) => d ** ((-2 * alpha) / (alpha + 1)));
      expect(gap(weights, closed)).toBeLessThan(1e-12);
    }
    const twins = solvePowerEquation(Float64Array.of(4, 4, 4, 4), 2, 1).weights;
    expect(gap(twins, Float64Array.of(Math.SQRT1_2 / 2, Math.SQRT1_2 / 2))).toBeLessThan(1e-15);
  });

  it('drops zero gradients and stays finite where gradients cancel, and says so', () => {
    for (let seed = 0; seed < 250; seed++) {
      const { gram, size, kind } = gradientSet(seed, ['opposite', 'zero']);
      for (const alpha of ALPHAS) {
        const solved = solvePowerEquation(gram, size, alpha);
        expect(solved.degenerate, `seed ${seed}`).toBe(true);
        expect([...solved.weights].every((w) => w >= 0 && w < Infinity)).toBe(true);
        if (kind === 'zero') expect(solved.weights[size - 1]).toBe(0);
      }
    }
    const none = solvePowerEquation(new Float64Array(4), 2, 2);
    expect(none).toMatchObject({ degenerate: true, iterations: 0 });
    expect([...none.weights]).toEqual([0, 0]);
  });
});
