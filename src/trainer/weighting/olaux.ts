import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { parseOptions, parseState, perTask, requireNumbers } from './options.ts';
import { cosines, gradientNorms } from './statistics.ts';

const schema = z.strictObject({
  /** Agreement with the held-out gradient: `cosine`, or the inner product in its own unit. */
  variant: z.enum(['cosine', 'dot']).default('cosine'),
  /** Step of the weights. */
  beta: z.number().positive().default(0.1),
  /** Steps whose agreement is summed before the weights move. */
  window: z.int().min(1).default(10),
  /** Weights stay at or above 0. */
  clamp: z.boolean().default(true),
});

/** OL-AUX: weights that start at 1 and follow the summed agreement with the held-out gradient. */
export const olaux: WeightingMethod = {
  name: 'olaux',
  summary: 'weights that add up the agreement with the held-out day’s gradient',
  source: 'Lin et al. 2019, Adaptive auxiliary task weighting (OL-AUX)',
  cost: '2F + G + B',
  create(tasks, given) {
    const { variant, beta, window, clamp } = parseOptions('olaux', schema, given);
    const state = z.strictObject({
      weights: perTask(tasks),
      sums: perTask(tasks),
      steps: z.int().min(0),
    });
    let weights = new Float64Array(tasks).fill(1);
    let sums: Float64Array = new Float64Array(tasks);
    let steps = 0;
    return {
      needs: new Set(variant === 'dot' ? ['validation'] : ['gram', 'validation']),
      scope: 'shared',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step({ gram, gains, validationNormSquared = 0 }) {
        const products = requireNumbers('gains', gains, tasks);
        const agreement =
          variant === 'dot'
            ? products
            : cosines(
                products,
                Math.sqrt(validationNormSquared),
                gradientNorms(requireNumbers('gram', gram, tasks * tasks), tasks),
              );
        const used = weights;
        sums = sums.map((x, k) => x + (agreement[k] ?? 0));
        steps++;
        if (steps % window === 0) {
          weights = weights.map((w, k) => w + beta * (sums[k] ?? 0));
          if (clamp) weights = weights.map((w) => Math.max(0, w));
          sums = new Float64Array(tasks);
        }
        return { weights: used.slice(), diagnostics: { agreement: [...agreement] } };
      },
      save: () => ({ weights: [...weights], sums: [...sums], steps }),
      load(saved) {
        const parsed = parseState('olaux', state, saved);
        weights = Float64Array.from(parsed.weights);
        sums = Float64Array.from(parsed.sums);
        steps = parsed.steps;
      },
    };
  },
};
