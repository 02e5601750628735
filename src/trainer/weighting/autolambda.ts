import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { createLearnedWeights, learnedWeightOptions } from './learned-weights.ts';
import { invalid, parseOptions, requireNumbers } from './options.ts';

const schema = z.strictObject({
  ...learnedWeightOptions,
  lr: learnedWeightOptions.lr.default(0.0001),
  /** Weights at the start. */
  init: z.number().min(0).default(0.1),
  /** eta of the virtual step and of the meta-gradient; null = the step's own learning rate. */
  stepRate: z.number().positive().nullable().default(null),
});

/**
 * -eta <g_k, grad L_val(theta')> with L_val the SUM over the tasks, of which the virtual gains hold
 * the mean.
 */
const metaGradient = (virtualGains: Float64Array, rate: number): Float64Array =>
  virtualGains.map((m) => 0 - rate * virtualGains.length * m);

/** Auto-Lambda: weights learned by the held-out loss after one virtual step. */
export const autolambda: WeightingMethod = {
  name: 'autolambda',
  summary: 'weights learned by the held-out loss after one virtual step',
  source: 'Liu et al. 2022, Auto-Lambda',
  cost: '2F + G + B',
  create(tasks, given) {
    const { init, stepRate, ...rest } = parseOptions('autolambda', schema, given);
    const learned = createLearnedWeights('autolambda', tasks, init, rest);
    return {
      needs: new Set(['virtualStep']),
      current: () => learned.values(),
      ...(stepRate !== null && { virtualRate: stepRate }),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step({ virtualGains, learningRate }) {
        const rate = stepRate ?? learningRate;
        if (rate === undefined)
          throw invalid('autolambda.stepRate: null, and the step has no learning rate');
        const gradient = metaGradient(requireNumbers('virtualGains', virtualGains, tasks), rate);
        learned.descend(gradient);
        return { weights: learned.values(), diagnostics: { metaGradient: [...gradient] } };
      },
      save: () => learned.save(),
      load: (state) => learned.load(state),
    };
  },
};
