import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../src/core/index.ts';
import { dot, multiply } from '../../../../src/trainer/weighting/solvers/matrix.ts';
import {
  type QuadraticProgram,
  solveQuadraticProgram,
} from '../../../../src/trainer/weighting/solvers/quadratic-program.ts';
import { gradientSet, simplexPoint } from '../../../helpers/gradient-sets.ts';

const value = ({ hessian, linear }: QuadraticProgram, w: Float64Array): number =>
  dot(w, multiply(hessian, w)) / 2 - dot(linear, w);

/** What rounding can do to the value at w. */
const blur = ({ hessian, linear }: QuadraticProgram, w: Float64Array): number =>
  1e-13 *
  (dot(w, multiply(hessian.map(Math.abs), w)) + dot(linear.map(Math.abs), w) + Number.MIN_VALUE);

/**
 * Largest violation of the conditions of optimality, in units of the terms summed: the slope is 0 on
 * the support and not negative off it, after the multiplier of sum w = 1.
 */
function violation(program: QuadraticProgram, w: Float64Array): number {
  const { hessian, linear, simplex } = program;
  const slope = multiply(hessian, w).map((x, i) => x - linear[i]!);
  const size = multiply(hessian.map(Math.abs), w).map((x, i) => x + Math.abs(linear[i]!));
  const on = [...w.keys()].filter((i) => w[i]! > 0);
  const steadiest = on.reduce((a, b) => (size[a]! < size[b]! ? a : b), on[0] ?? 0);
  const multiplier = simplex ? slope[steadiest]! : 0;
  return Math.max(
    0,
    ...slope.map((x, i) => {
      const excess = x - multiplier;
      const scale = size[i]! + (simplex ? size[steadiest]! : 0) + Number.MIN_VALUE;
      return (w[i]! > 0 ? Math.abs(excess) : -excess) / scale;
    }),
  );
}

/** Gradients of every awkward kind, norms 1e-8 to 1e8; v random or a combination of them. */
function programs(seed: number): readonly QuadraticProgram[] {
  const { size, gram } = gradientSet(seed);
  const random = seededRandom(seed, 5);
  const linear = multiply(
    gram,
    Float64Array.from({ length: size }, () => random.normal()),
  );
  const mean = gram.reduce((sum, x, at) => (at % (size + 1) === 0 ? sum + x / size : sum), 0);
  const ridged = gram.map((x, at) => (at % (size + 1) === 0 ? x + 0.01 * mean : x));
  return [
    { hessian: gram, linear: new Float64Array(size), simplex: true },
    { hessian: gram, linear, simplex: true },
    { hessian: gram, linear, simplex: false },
    { hessian: ridged, linear, simplex: false },
    { hessian: ridged, linear, simplex: true },
  ];
}

describe('the quadratic program', () => {
  it('meets the conditions of optimality for gradients of any kind and size', () => {
    for (let seed = 0; seed < 1000; seed++)
      for (const program of programs(seed)) {
        const { weights, support, optimal } = solveQuadraticProgram(program);
        expect(optimal, `seed ${seed}`).toBe(true);
        expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
        if (program.simplex)
          expect(Math.abs(weights.reduce((a, b) => a + b, 0) - 1)).toBeLessThan(1e-14);
        expect(support).toEqual([...weights.keys()].filter((i) => weights[i]! > 0));
        expect(violation(program, weights), `seed ${seed}`).toBeLessThan(1e-12);
      }
  });

  it('is not beaten by random feasible points', () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = seededRandom(seed, 6);
      for (const program of programs(seed)) {
        const { weights } = solveQuadraticProgram(program);
        const best = value(program, weights);
        for (let trial = 0; trial < 10; trial++) {
          const point = simplexPoint(random, weights.length);
          const mixed = trial < 5 ? point : point.map((x, i) => (x + 99 * weights[i]!) / 100);
          const other = program.simplex ? mixed : mixed.map((x) => x * random.next() * 2);
          expect(best, `seed ${seed}`).toBeLessThanOrEqual(
            value(program, other) + blur(program, other) + blur(program, weights),
          );
        }
      }
    }
  });

  it('does not depend on the order of the tasks', () => {
    for (let seed = 0; seed < 500; seed++) {
      const { size, gram } = gradientSet(seed, ['generic', 'near-duplicate'], 2);
      const order = Array.from({ length: size }, (_, i) => (i + 1 + (seed % 3)) % size);
      const permuted = Float64Array.from(
        order.flatMap((i) => order.map((j) => gram[i * size + j]!)),
      );
      const linear = new Float64Array(size);
      const a = solveQuadraticProgram({ hessian: gram, linear, simplex: true }).weights;
      const b = solveQuadraticProgram({ hessian: permuted, linear, simplex: true }).weights;
      for (const [at, i] of order.entries())
        expect(Math.abs(b[at]! - a[i]!), `seed ${seed}`).toBeLessThan(1e-6);
    }
  });

  it.each<[string, number[], number[], boolean, number[]]>([
    ['a corner', [1, 2, 2, 9], [0, 0], true, [1, 0]],
    ['the middle of opposites', [1, -1, -1, 1], [0, 0], true, [0.5, 0.5]],
    ['a zero gradient', [4, 0, 0, 0], [0, 0], true, [0, 1]],
    ['nothing that agrees', [1, 0, 0, 1], [-1, -2], false, [0, 0]],
    ['one that agrees', [4, 0, 0, 1], [2, -1], false, [0.5, 0]],
    ['all zero', [0, 0, 0, 0], [0, 0], true, [1, 0]],
  ])('%s', (_, hessian, linear, simplex, expected) => {
    const { weights } = solveQuadraticProgram({
      hessian: Float64Array.from(hessian),
      linear: Float64Array.from(linear),
      simplex,
    });
    expect([...weights]).toEqual(expected);
  });
});
