import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { invalid, parseOptions } from './options.ts';

const schema = z.strictObject({
  /** One number a task; default 1 / K each. */
  weights: z.array(z.number().min(0)).optional(),
});

/** The same given weights every step: set by hand, or another method's average as its control. */
export const fixed: WeightingMethod = {
  name: 'fixed',
  summary: 'given weights; with the average of another method, its control',
  source: 'weights set by hand',
  cost: 'F + B',
  create(tasks, given) {
    const { weights = Array.from({ length: tasks }, () => 1 / tasks) } = parseOptions(
      'fixed',
      schema,
      given,
    );
    if (weights.length !== tasks)
      throw invalid(`fixed.weights: ${weights.length} numbers; must be ${tasks}`);
    return {
      needs: new Set(),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step: () => ({ weights: Float64Array.from(weights), diagnostics: {} }),
      save: () => ({}),
      load: () => undefined,
    };
  },
};
