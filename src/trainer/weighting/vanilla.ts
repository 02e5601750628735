import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { parseOptions } from './options.ts';
import { presentTasks, uniformWeights } from './simplex.ts';

const schema = z.strictObject({
  /** What the weights total: `one` as in the paper (w_k = 1/K), `K` as in other libraries (w_k = 1). */
  totalWeight: z.enum(['one', 'K']).default('one'),
});

/** Equal weights (paper eq. 3). A task without samples gets 0 and the rest share the total. */
export const vanilla: WeightingMethod = {
  name: 'vanilla',
  summary: 'equal weights',
  source: 'paper eq. 3',
  cost: '1F + 1B',
  create(tasks, options) {
    const { totalWeight } = parseOptions('vanilla', schema, options);
    const total = totalWeight === 'one' ? 1 : tasks;
    return {
      needs: new Set(),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step: ({ present }) => ({
        weights: uniformWeights(presentTasks(tasks, present), total),
        diagnostics: {},
      }),
      save: () => ({}),
      load: () => undefined,
    };
  },
};
