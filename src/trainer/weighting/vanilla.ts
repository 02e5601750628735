import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { parseOptions } from './options.ts';
import { presentTasks, uniformWeights } from './simplex.ts';

/** Equal weights (paper eq. 3). A task without samples gets 0 and the rest share the total. */
export const vanilla: WeightingMethod = {
  name: 'vanilla',
  summary: 'equal weights',
  source: 'paper eq. 3',
  cost: 'F + B',
  create(tasks, options) {
    parseOptions('vanilla', z.strictObject({}), options);
    return {
      needs: new Set(),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step: ({ present }) => ({
        weights: uniformWeights(presentTasks(tasks, present)),
        diagnostics: {},
      }),
      save: () => ({}),
      load: () => undefined,
    };
  },
};
