import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { parseOptions } from './options.ts';
import { presentTasks, softmaxWeights } from './simplex.ts';

const schema = z.strictObject({
  /** Deviation of the normal draws; larger = sharper weights, to match another method's entropy. */
  scale: z.number().min(0).default(1),
});

/** softmax(z) of standard normal draws. */
export const randomWeights = (z: Float64Array, present: readonly boolean[]): Float64Array =>
  softmaxWeights(z, 1, present);

/** Random loss weighting: fresh random weights each step, the control of every other method. */
export const rlw: WeightingMethod = {
  name: 'rlw',
  summary: 'random weights each step; the control experiment',
  source: 'Lin et al. 2022, Reasonable effectiveness of random weighting',
  cost: 'F + B',
  create(tasks, given) {
    const { scale } = parseOptions('rlw', schema, given);
    return {
      needs: new Set(),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step({ random, present }) {
        const draws = Float64Array.from({ length: tasks }, () => scale * random.normal());
        return { weights: randomWeights(draws, presentTasks(tasks, present)), diagnostics: {} };
      },
      save: () => ({}),
      load: () => undefined,
    };
  },
};
