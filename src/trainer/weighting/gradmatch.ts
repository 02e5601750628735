import { z } from 'zod';
import { type GramProblem, type GramSolution, gramWeighting } from './gram-method.ts';
import type { WeightingMethod } from './method.ts';
import { parseOptions } from './options.ts';
import { dot, multiply } from './solvers/matrix.ts';
import { solveQuadraticProgram } from './solvers/quadratic-program.ts';

const schema = z.strictObject({
  /** `nonneg`: w >= 0, the step may vanish; `simplex`: they total 1 as well. */
  constraint: z.enum(['nonneg', 'simplex']).default('nonneg'),
  /** Weight of ||w||^2, in the unit of squared gradients (`absolute`) or of their mean. */
  ridge: z.number().min(0).default(0.01),
  ridgeUnit: z.enum(['absolute', 'mean']).default('mean'),
});
type Options = z.output<typeof schema>;

function solve(options: Options, problem: GramProblem): GramSolution {
  const { gram, size, gains, validationNormSquared } = problem;
  const isDiagonal = (at: number): boolean => at % (size + 1) === 0;
  const mean = gram.reduce((sum, x, at) => (isDiagonal(at) ? sum + x / size : sum), 0);
  const ridge = options.ridge * (options.ridgeUnit === 'mean' ? mean : 1);
  const hessian = gram.map((x, at) => (isDiagonal(at) ? x + ridge : x));
  const simplex = options.constraint === 'simplex';
  const { weights, support } = solveQuadraticProgram({ hessian, linear: gains, simplex });
  const fit = dot(weights, multiply(hessian, weights)) - 2 * dot(weights, gains);
  return {
    weights,
    perTask: { gains },
    figures: {
      objective: fit + validationNormSquared,
      degenerate: Number(mean === 0 || support.length === 0),
    },
  };
}

/**
 * Grad-Match on tasks: the combination of the tasks' gradients nearest to the validation gradient,
 * min ||sum w_k g_k - v||^2 + ridge ||w||^2, exact by active set. Where no gradient agrees with v all
 * weights are 0 under `nonneg`, and `degenerate` says so.
 */
export const gradmatch: WeightingMethod = {
  name: 'gradmatch',
  summary: 'combination of gradients nearest to the validation gradient, exact',
  source: 'after Killamsetty et al. 2021, GRAD-MATCH, ICML',
  cost: '2F + G + B',
  create(tasks, options) {
    const parsed = parseOptions('gradmatch', schema, options);
    return gramWeighting(tasks, {
      needs: ['gram', 'validation'],
      scope: 'all',
      headPolicy: 'weighted',
      solve: (problem) => solve(parsed, problem),
    });
  },
};
