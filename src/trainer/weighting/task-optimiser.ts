import { z } from 'zod';

/** Options of a method that learns K numbers by gradient steps. */
export const taskOptimiserOptions = {
  optimizer: z.enum(['adam', 'sgd']).default('adam'),
  lr: z.number().positive(),
  beta1: z.number().min(0).max(0.9999).default(0.9),
  beta2: z.number().min(0).max(0.999999).default(0.999),
  adamEps: z.number().positive().default(1e-8),
  /** L2 term added to the gradient. */
  weightDecay: z.number().min(0).default(0),
};

interface Settings {
  readonly optimizer: 'adam' | 'sgd';
  readonly lr: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly adamEps: number;
  readonly weightDecay: number;
}

export const taskOptimiserState = z.strictObject({
  steps: z.int().min(0),
  first: z.array(z.number()),
  second: z.array(z.number()),
});
type State = z.output<typeof taskOptimiserState>;

export interface TaskOptimiser {
  /** The values after one step down `gradient`. */
  step(values: Float64Array, gradient: Float64Array): Float64Array;
  save(): State;
  load(state: State): void;
}

/**
 * Plain gradient steps, or Adam with bias correction (Kingma & Ba 2015), for a method's own K
 * numbers; decay is part of the gradient in both, not decoupled.
 */
export function createTaskOptimiser(tasks: number, settings: Settings): TaskOptimiser {
  const { optimizer, lr, beta1, beta2, adamEps, weightDecay } = settings;
  let steps = 0;
  let first: Float64Array = new Float64Array(tasks);
  let second: Float64Array = new Float64Array(tasks);
  return {
    step(values, gradient) {
      const g = gradient.map((x, k) => x + weightDecay * (values[k] ?? 0));
      if (optimizer === 'sgd') return values.map((x, k) => x - lr * (g[k] ?? 0));
      steps++;
      first = first.map((m, k) => beta1 * m + (1 - beta1) * (g[k] ?? 0));
      second = second.map((v, k) => beta2 * v + (1 - beta2) * (g[k] ?? 0) ** 2);
      const [a, b] = [1 - beta1 ** steps, 1 - beta2 ** steps];
      return values.map(
        (x, k) => x - (lr * ((first[k] ?? 0) / a)) / (Math.sqrt((second[k] ?? 0) / b) + adamEps),
      );
    },
    save: () => ({ steps, first: [...first], second: [...second] }),
    load(state) {
      steps = state.steps;
      first = Float64Array.from(state.first);
      second = Float64Array.from(state.second);
    },
  };
}
