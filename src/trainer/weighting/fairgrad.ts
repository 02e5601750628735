import { z } from 'zod';
import { gramWeighting } from './gram-method.ts';
import type { WeightingMethod } from './method.ts';
import { parseOptions } from './options.ts';
import { solvePowerEquation } from './solvers/power-equation.ts';

const schema = z.strictObject({
  /** Order of fairness: towards 0 equal weights, 1 = Nash-MTL's proportional, large = max-min. */
  alpha: z.number().min(0.1).max(10).default(2),
});

/**
 * FairGrad: A w = w^(-1/alpha), the step that maximises the alpha-fair utility of the tasks'
 * improvements. alpha 2 is what its published runs use (its code's default, 1, is Nash-MTL). The
 * official code multiplies the shared gradient by K and clips it to norm 1, which is the trainer's
 * business here; the heads follow their own losses.
 */
export const fairgrad: WeightingMethod = {
  name: 'fairgrad',
  summary: 'alpha-fair share of the improvement, exact',
  source: 'Ban and Ji 2024, Fair resource allocation in multi-task learning, ICML',
  cost: 'F + G',
  create(tasks, options) {
    const { alpha } = parseOptions('fairgrad', schema, options);
    return gramWeighting(tasks, {
      needs: ['gram'],
      scope: 'shared',
      headPolicy: 'unweighted',
      solve({ gram, size }) {
        const { weights, residual, iterations, degenerate } = solvePowerEquation(gram, size, alpha);
        return { weights, figures: { residual, iterations, degenerate: Number(degenerate) } };
      },
    });
  },
};
