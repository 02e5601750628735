import { z } from 'zod';
import type { GradientRows, WeightingMethod } from './method.ts';
import { invalid, parseOptions, parseState, perTask } from './options.ts';
import { ratio } from './statistics.ts';

const schema = z.strictObject({
  /** r: how far a task's norm is drawn to the target's. */
  relax: z.number().min(0).max(1).default(0.7),
  /** Forgetting of the averaged norms. */
  beta: z.number().min(0).max(0.9999).default(0.9),
  /** Index of the task whose norms are the measure. */
  target: z.int().min(0).default(0),
});

/** ||g_k|| on each tensor of the shared parameters: tensors x K. */
function tensorNorms({ shared, tensorSizes }: GradientRows): number[][] {
  let start = 0;
  return tensorSizes.map((size) => {
    const from = start;
    start += size;
    return shared.map((row) => {
      let sum = 0;
      for (let p = from; p < from + size; p++) sum += (row[p] ?? 0) ** 2;
      return Math.sqrt(sum);
    });
  });
}

/**
 * MetaBalance: on every tensor each task's gradient is scaled by r n_target / n_k + 1 - r, with n_k
 * the moving average of its norm there; 0 where a task never had a gradient. The direction is the
 * sum over tasks, the weights shown are the share of each norm that is left.
 */
export const metabalance: WeightingMethod = {
  name: 'metabalance',
  summary: 'gradient norms drawn to a target task’s, tensor by tensor',
  source: 'He et al. 2022, MetaBalance',
  cost: 'F + G',
  create(tasks, given) {
    const { relax, beta, target } = parseOptions('metabalance', schema, given);
    if (target >= tasks)
      throw invalid(`metabalance.target: ${target}; must be below the number of tasks (${tasks})`);
    const state = z.strictObject({ norms: z.array(perTask(tasks)) });
    let norms: number[][] = [];
    return {
      needs: new Set(['gradients']),
      scope: 'shared',
      metric: 'euclid',
      headPolicy: 'unweighted',
      headScale: 'one',
      step({ gradients }) {
        if (gradients?.shared.length !== tasks)
          throw invalid(`gradients: ${gradients?.shared.length ?? 'no'} rows; must be ${tasks}`);
        const now = tensorNorms(gradients);
        norms = now.map((tensor, t) =>
          tensor.map((n, k) => beta * (norms[t]?.[k] ?? 0) + (1 - beta) * n),
        );
        const factors = norms.map((tensor) =>
          tensor.map((n, k) =>
            n === 0 ? 0 : k === target ? 1 : relax * ratio(tensor[target] ?? 0, n) + 1 - relax,
          ),
        );
        return {
          weights: Float64Array.from({ length: tasks }, (_, k) => leftOf(k, now, factors)),
          direction: scaledSum(gradients, factors),
          diagnostics: {},
        };
      },
      save: () => ({ norms: norms.map((tensor) => [...tensor]) }),
      load: (saved) => (norms = parseState('metabalance', state, saved).norms),
    };
  },
};

/** ||scaled g_k|| / ||g_k||. */
function leftOf(
  k: number,
  norms: readonly (readonly number[])[],
  factors: readonly (readonly number[])[],
): number {
  let [before, after] = [0, 0];
  norms.forEach((tensor, t) => {
    const square = (tensor[k] ?? 0) ** 2;
    before += square;
    after += square * (factors[t]?.[k] ?? 0) ** 2;
  });
  return Math.sqrt(ratio(after, before));
}

function scaledSum(
  { shared, tensorSizes }: GradientRows,
  factors: readonly (readonly number[])[],
): Float64Array {
  const sum = new Float64Array(shared[0]?.length ?? 0);
  let start = 0;
  tensorSizes.forEach((size, t) => {
    for (const [k, row] of shared.entries()) {
      const factor = factors[t]?.[k] ?? 0;
      for (let p = start; p < start + size; p++) sum[p] = (sum[p] ?? 0) + factor * (row[p] ?? 0);
    }
    start += size;
  });
  return sum;
}
