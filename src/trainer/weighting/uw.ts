import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { parseOptions, parseState, perTask } from './options.ts';
import { createTaskOptimiser, taskOptimiserOptions, taskOptimiserState } from './task-optimiser.ts';

const schema = z.strictObject({
  ...taskOptimiserOptions,
  lr: taskOptimiserOptions.lr.default(0.025),
  /** Log variance at the start. */
  init: z.number().default(0),
  /** The log variances stay within +- this: negative losses would drive them to -infinity. */
  limit: z.number().positive().default(10),
});

/** 1 / (2 e^s): what uncertainty s makes of a loss. */
const uncertaintyWeights = (logVariance: Float64Array): Float64Array =>
  logVariance.map((s) => 0.5 * Math.exp(-s));

/** d/ds of sum_k L_k / (2 e^{s_k}) + s_k / 2. */
export function uncertaintyGradient(losses: Float64Array, logVariance: Float64Array): Float64Array {
  const weights = uncertaintyWeights(logVariance);
  return losses.map((loss, k) => 0.5 - loss * (weights[k] ?? 0));
}

/** Uncertainty weighting: a learned log variance s_k a task, w_k = 1 / (2 e^{s_k}). */
export const uw: WeightingMethod = {
  name: 'uw',
  summary: 'learned noise of each task: 1 / (2 variance)',
  source: 'Kendall, Gal & Cipolla 2018, Multi-task learning using uncertainty',
  cost: 'F + B',
  create(tasks, given) {
    const { init, limit, ...rest } = parseOptions('uw', schema, given);
    const optimiser = createTaskOptimiser(tasks, rest);
    const state = z.strictObject({ logVariance: perTask(tasks), optimiser: taskOptimiserState });
    let logVariance = new Float64Array(tasks).fill(init);
    return {
      needs: new Set(),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step: () => ({
        weights: uncertaintyWeights(logVariance),
        diagnostics: { logVariance: [...logVariance] },
      }),
      observe({ losses, present }) {
        const gradient = uncertaintyGradient(losses, logVariance);
        logVariance = optimiser
          .step(
            logVariance,
            gradient.map((x, k) => (present?.[k] === false ? 0 : x)),
          )
          .map((s) => Math.min(limit, Math.max(-limit, s)));
      },
      save: () => ({ logVariance: [...logVariance], optimiser: optimiser.save() }),
      load(saved) {
        const parsed = parseState('uw', state, saved);
        logVariance = Float64Array.from(parsed.logVariance);
        optimiser.load(parsed.optimiser);
      },
    };
  },
};
