import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { createLearnedWeights, learnedWeightOptions } from './learned-weights.ts';
import { parseOptions, requireNumbers } from './options.ts';

const schema = z.strictObject({
  ...learnedWeightOptions,
  lr: learnedWeightOptions.lr.default(0.005),
  /** Weights at the start; default 1 / K. */
  init: z.number().min(0).optional(),
  /** Rate r of the Neumann series; r times the largest curvature must stay below 2. */
  rate: z.number().positive().default(0.1),
  /** Last power J of the series; 0 = first order. */
  truncate: z.int().min(0).default(3),
});

/** -g_k . sum_i (I - r H)^i g_val: how the held-out loss moves with weight k at the inner optimum. */
const hypergradient = (hyperGains: Float64Array): Float64Array => hyperGains.map((m) => 0 - m);

/** AuxiLearn: weights learned by the implicit hypergradient of the held-out loss. */
export const auxilearn: WeightingMethod = {
  name: 'auxilearn',
  summary: 'weights learned by the implicit gradient of the held-out loss',
  source: 'Navon et al. 2021, Auxiliary learning by implicit differentiation',
  cost: '2F + G + B + 2J(F + B)',
  create(tasks, given) {
    const { rate, truncate, init = 1 / tasks, ...rest } = parseOptions('auxilearn', schema, given);
    const learned = createLearnedWeights('auxilearn', tasks, init, rest);
    return {
      needs: new Set(['hypergradient']),
      neumann: { rate, terms: truncate },
      current: () => learned.values(),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step({ hyperGains }) {
        const gradient = hypergradient(requireNumbers('hyperGains', hyperGains, tasks));
        learned.descend(gradient);
        return { weights: learned.values(), diagnostics: { hypergradient: [...gradient] } };
      },
      save: () => learned.save(),
      load: (state) => learned.load(state),
    };
  },
};
