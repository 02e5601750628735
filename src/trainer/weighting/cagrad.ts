import { z } from 'zod';
import { type GramProblem, type GramSolution, gramWeighting } from './gram-method.ts';
import type { WeightingMethod } from './method.ts';
import { parseOptions } from './options.ts';
import { solveConflictAverse } from './solvers/conflict-averse.ts';
import { diagonal, multiply, squaredNorm } from './solvers/matrix.ts';

const schema = z.strictObject({
  /** Radius of the ball round the mean gradient, in units of its norm; 0 = Vanilla. */
  c: z.number().min(0).max(1).default(0.4),
  /** The step is divided by 1, by 1 + c^2, or by 1 + c. */
  rescale: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(1),
  /** Unit of the 1e-8 added under square roots and to norms: of the gradients' mean size, or 1. */
  epsilonUnit: z.enum(['mean', 'absolute']).default('mean'),
});
type Options = z.output<typeof schema>;

const EPSILON = 1e-8;

function solve({ c, rescale, epsilonUnit }: Options, { gram, size }: GramProblem): GramSolution {
  const uniform = new Float64Array(size).fill(1 / size);
  const norm = [1, 1 + c * c, 1 + c][rescale] ?? 1;
  const mean = diagonal(gram, size).reduce((a, b) => a + b, 0) / size;
  if (c === 0 || mean === 0)
    return {
      weights: uniform.map((w) => w / norm),
      perTask: { simplexWeights: uniform },
      figures: { degenerate: Number(mean === 0) },
    };
  const unit = epsilonUnit === 'mean' ? mean : 1;
  const smoothing = EPSILON * unit;
  const least = EPSILON * Math.sqrt(unit);
  const radius = c * Math.sqrt(squaredNorm(gram, uniform) + smoothing) + least;
  const { weights, rounds, optimal } = solveConflictAverse({
    gram,
    linear: multiply(gram, uniform),
    radius,
    smoothing,
  });
  const lambda = radius / (Math.sqrt(squaredNorm(gram, weights)) + least);
  return {
    weights: weights.map((w) => (1 / size + lambda * w) / norm),
    perTask: { simplexWeights: weights },
    figures: { lambda, rounds, optimal: Number(optimal), degenerate: 0 },
  };
}

/**
 * CAGrad: the step that helps the worst task most within a ball of radius c ||g_0|| round the mean
 * gradient g_0, exact at any scale. The published code adds 1e-8 in absolute terms, which takes over
 * where gradients are small; `epsilonUnit: absolute` reproduces that.
 */
export const cagrad: WeightingMethod = {
  name: 'cagrad',
  summary: 'best step for the worst task near the mean gradient, exact',
  source: 'Liu et al. 2021, Conflict-averse gradient descent for multi-task learning, NeurIPS',
  cost: 'F + G',
  create(tasks, options) {
    const parsed = parseOptions('cagrad', schema, options);
    return gramWeighting(tasks, {
      needs: ['gram'],
      scope: 'shared',
      headPolicy: 'unweighted',
      solve: (problem) => solve(parsed, problem),
    });
  },
};
