import { z } from 'zod';
import { parseState, perTask } from './options.ts';
import { createTaskOptimiser, taskOptimiserOptions, taskOptimiserState } from './task-optimiser.ts';

/** Options of methods whose weights are parameters with an optimiser of their own. */
export const learnedWeightOptions = {
  ...taskOptimiserOptions,
  /** Weights stay at or above 0. */
  clamp: z.boolean().default(true),
};

export interface LearnedWeights {
  values(): Float64Array;
  /** One optimiser step down the gradient. */
  descend(gradient: Float64Array): void;
  save(): Readonly<Record<string, unknown>>;
  load(state: unknown): void;
}

export function createLearnedWeights(
  method: string,
  tasks: number,
  init: number,
  options: Parameters<typeof createTaskOptimiser>[1] & { readonly clamp: boolean },
): LearnedWeights {
  const optimiser = createTaskOptimiser(tasks, options);
  const state = z.strictObject({ weights: perTask(tasks), optimiser: taskOptimiserState });
  let weights: Float64Array = new Float64Array(tasks).fill(init);
  return {
    values: () => weights.slice(),
    descend(gradient) {
      weights = optimiser.step(weights, gradient);
      if (options.clamp) weights = weights.map((w) => Math.max(0, w));
    },
    save: () => ({ weights: [...weights], optimiser: optimiser.save() }),
    load(saved) {
      const parsed = parseState(method, state, saved);
      weights = Float64Array.from(parsed.weights);
      optimiser.load(parsed.optimiser);
    },
  };
}
