import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/index.ts';
import { symmetricEigen } from '../../../../src/trainer/weighting/solvers/eigen.ts';
import { solveLinear } from '../../../../src/trainer/weighting/solvers/linear.ts';
import { balance, multiply } from '../../../../src/trainer/weighting/solvers/matrix.ts';
import { gradientSet, gramOf } from '../../../helpers/gradient-sets.ts';

describe('the linear solve', () => {
  it('leaves a residual of rounding size in every row', () => {
    for (let seed = 0; seed < 2000; seed++) {
      const random = seededRandom(seed, 8);
      const n = 1 + random.below(8);
      const matrix = Float64Array.from({ length: n * n }, () => random.normal());
      const right = Float64Array.from({ length: n }, () => random.normal());
      const x = solveLinear(matrix, right)!;
      const size = multiply(matrix.map(Math.abs), x.map(Math.abs));
      multiply(matrix, x).forEach((b, i) =>
        expect(Math.abs(b - right[i]!) / size[i]!, `seed ${seed}`).toBeLessThan(1e-15 * n),
      );
    }
  });

  it('exchanges rows where a pivot is 0, and refuses a singular matrix', () => {
    expect([...solveLinear(Float64Array.of(0, 2, 4, 1), Float64Array.of(6, 7))!]).toEqual([1, 3]);
    expect(solveLinear(Float64Array.of(1, 2, 2, 4), Float64Array.of(1, 1))).toBeUndefined();
    expect(solveLinear(Float64Array.of(1, NaN, 2, 4), Float64Array.of(1, 1))).toBeUndefined();
  });
});

describe('the symmetric eigenproblem', () => {
  it('gives orthonormal vectors that rebuild the matrix, values descending', () => {
    for (let seed = 0; seed < 500; seed++) {
      const { gram, size: n } = gradientSet(seed);
      const { values, vectors } = symmetricEigen(gram, n);
      const top = values[0]! + Number.MIN_VALUE;
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          let rebuilt = 0;
          let product = 0;
          for (let k = 0; k < n; k++) {
            rebuilt += vectors[i * n + k]! * values[k]! * vectors[j * n + k]!;
            product += vectors[k * n + i]! * vectors[k * n + j]!;
          }
          expect(Math.abs(rebuilt - gram[i * n + j]!) / top, `seed ${seed}`).toBeLessThan(1e-14);
          expect(Math.abs(product - (i === j ? 1 : 0)), `seed ${seed}`).toBeLessThan(1e-14);
        }
      for (let k = 1; k < n; k++) expect(values[k]!).toBeLessThanOrEqual(values[k - 1]!);
    }
  });

  it('keeps small eigenvalues of gradients with very different norms', () => {
    // det = product of the eigenvalues = 1e16 * 1e-16 * 3/4.
    const gram = gramOf([Float64Array.of(1e8, 0), Float64Array.of(0.5e-8, Math.sqrt(0.75) * 1e-8)]);
    const { values } = symmetricEigen(gram, 2);
    expect(values[1]! / 0.75e-16).toBeCloseTo(1, 12);
  });
});

describe('taking the norms out of a Gram matrix', () => {
  it('loses no bit, and leaves a diagonal between 1/2 and 2', () => {
    for (let seed = 0; seed < 500; seed++) {
      const { gram, size: n } = gradientSet(seed);
      const { balanced, scales } = balance(gram, n);
      for (const [at, x] of gram.entries()) {
        const [i, j] = [Math.floor(at / n), at % n];
        expect(balanced[at]! * scales[j]! * scales[i]!).toBe(x);
        if (i === j && x > 0) expect(Math.abs(Math.log2(balanced[at]!))).toBeLessThanOrEqual(1);
      }
    }
  });
});
