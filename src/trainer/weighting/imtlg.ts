import { z } from 'zod';
import { gramWeighting } from './gram-method.ts';
import type { WeightingMethod } from './method.ts';
import { parseOptions } from './options.ts';
import { equalProjection } from './solvers/equal-projection.ts';
import { squaredNorm } from './solvers/matrix.ts';

/** IMTL-G's weights, its fallback 1/K told apart. */
function solve(gram: Float64Array, size: number) {
  const found = equalProjection(gram, size);
  return found ?? { weights: new Float64Array(size).fill(1 / size), projection: undefined };
}

/**
 * Weights of total 1, of either sign, that give sum w_k g_k the same projection on every unit
 * gradient; 1/K where a gradient is zero or two point the same way.
 * @param gram K x K, row-major.
 */
export function imtlgWeights(gram: Float64Array, K: number): Float64Array {
  return solve(gram, K).weights;
}

/** IMTL-G: equal projections on all unit gradients (the loss-scaling half is another method). */
export const imtlg: WeightingMethod = {
  name: 'imtlg',
  summary: 'equal projections of the step on all unit gradients',
  source: 'Liu et al. 2021, Towards impartial multi-task learning, ICLR',
  cost: 'F + G',
  create(tasks, options) {
    parseOptions('imtlg', z.strictObject({}), options);
    return gramWeighting(tasks, {
      needs: ['gram'],
      scope: 'shared',
      headPolicy: 'unweighted',
      solve({ gram, size }) {
        const { weights, projection } = solve(gram, size);
        return {
          weights,
          figures: {
            ...(projection !== undefined && { equalProjection: projection }),
            normSquared: squaredNorm(gram, weights),
            degenerate: Number(projection === undefined),
          },
        };
      },
    });
  },
};
