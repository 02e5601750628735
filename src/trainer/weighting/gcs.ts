import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { invalid, parseOptions, requireNumbers } from './options.ts';
import { cosines, gradientNorms } from './statistics.ts';

const schema = z.strictObject({
  /**
   * `val-judge`: w_k = max(0, cos(g_k, g_val)), the held-out day judges. `weighted`: the same
   * against the main task's gradient. `unweighted`: 1 where that cosine is positive.
   */
  variant: z.enum(['val-judge', 'weighted', 'unweighted']).default('val-judge'),
  /** Index of the main task; its own weight is always 1. */
  mainTask: z.int().min(0).default(0),
});
type Variant = z.output<typeof schema>['variant'];

/** Weights from cosines; an orthogonal task is left out. */
function cosineWeights(cosine: Float64Array, variant: Variant, mainTask: number) {
  return cosine.map((c, k) => {
    if (variant !== 'val-judge' && k === mainTask) return 1;
    if (variant === 'unweighted') return c > 0 ? 1 : 0;
    return Math.max(0, c);
  });
}

/** Gradient cosine similarity: a task helps while its gradient agrees with the judge's. */
export const gcs: WeightingMethod = {
  name: 'gcs',
  summary: 'the cosine with the held-out day’s (or a main task’s) gradient, if positive',
  source: 'Du et al. 2018, Adapting auxiliary losses using gradient similarity',
  cost: '2F + G + B',
  create(tasks, given) {
    const { variant, mainTask } = parseOptions('gcs', schema, given);
    if (mainTask >= tasks)
      throw invalid(`gcs.mainTask: ${mainTask}; must be below the number of tasks (${tasks})`);
    return {
      needs: new Set(variant === 'val-judge' ? ['gram', 'validation'] : ['gram']),
      scope: 'shared',
      metric: 'euclid',
      headPolicy: 'unweighted',
      headScale: 'one',
      step({ gram, gains, validationNormSquared = 0 }) {
        const products = requireNumbers('gram', gram, tasks * tasks);
        const norms = gradientNorms(products, tasks);
        const cosine =
          variant === 'val-judge'
            ? cosines(
                requireNumbers('gains', gains, tasks),
                Math.sqrt(validationNormSquared),
                norms,
              )
            : cosines(
                products.slice(mainTask * tasks, (mainTask + 1) * tasks),
                norms[mainTask] ?? 0,
                norms,
              );
        return {
          weights: cosineWeights(cosine, variant, mainTask),
          diagnostics: { cosines: [...cosine] },
        };
      },
      save: () => ({}),
      load: () => undefined,
    };
  },
};
