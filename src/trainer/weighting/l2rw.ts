import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { parseOptions, requireNumbers } from './options.ts';
import { presentTasks } from './simplex.ts';

/** max(0, m) / sum max(0, m); all zero when nothing aligns. */
function positiveShares(gains: Float64Array, present: readonly boolean[]): Float64Array {
  const positive = gains.map((m, k) => (present[k] ? Math.max(0, m) : 0));
  const top = positive.reduce((a, b) => Math.max(a, b), 0);
  if (top === 0) return positive;
  // Against the largest first: the sum of tiny gains may be a denormal.
  const scaled = positive.map((m) => m / top);
  const total = scaled.reduce((a, b) => a + b, 0);
  return scaled.map((m) => m / total);
}

/** Learning to reweight, on tasks: the positive part of the gains, without temperature. */
export const l2rw: WeightingMethod = {
  name: 'l2rw',
  summary: 'positive part of the gains on the held-out day; stands still when all conflict',
  source: 'Ren et al. 2018, Learning to reweight examples, applied to tasks',
  cost: '2F + G + B',
  create(tasks, given) {
    parseOptions('l2rw', z.strictObject({}), given);
    return {
      needs: new Set(['validation']),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step: ({ gains, present }) => ({
        weights: positiveShares(
          requireNumbers('gains', gains, tasks),
          presentTasks(tasks, present),
        ),
        diagnostics: {},
      }),
      save: () => ({}),
      load: () => undefined,
    };
  },
};
