import { z } from 'zod';
import type { Lookahead, WeightingMethod } from './method.ts';
import { invalid, parseOptions, requireNumbers } from './options.ts';
import { aboveFloor } from './loss-floor.ts';
import { presentTasks, softmaxWeights } from './simplex.ts';

const schema = z.strictObject({
  /** Of the softmax over mean affinities, which are relative changes of a loss in one step. */
  temperature: z.number().positive().default(0.01),
});

/** Z_ij = 1 - L_j(after a step along g_i) / L_j, K x K row-major. */
function affinity({ before, after }: Lookahead, floor?: Float64Array): Float64Array {
  const tasks = before.length;
  const base = aboveFloor(before, floor);
  return after.map((loss, i) => {
    const j = i % tasks;
    return 1 - (loss - (floor?.[j] ?? 0)) / (base[j] ?? 0);
  });
}

/** softmax_i(mean_j Z_ij / temperature). */
function affinityWeights(
  matrix: Float64Array,
  temperature: number,
  present: readonly boolean[],
): Float64Array {
  const tasks = present.length;
  const means = Float64Array.from(
    { length: tasks },
    (_, i) => matrix.slice(i * tasks, (i + 1) * tasks).reduce((a, b) => a + b, 0) / tasks,
  );
  return softmaxWeights(means, temperature, present);
}

/**
 * Lookahead transfer: what a step along one task's gradient does to every held-out loss, measured.
 * Exact where VAMO's gains are first order, for K + 1 more forward passes.
 */
export const lookahead: WeightingMethod = {
  name: 'lookahead',
  summary: 'measures the held-out losses after a step along each task’s gradient alone',
  source: 'Fifty et al. 2021, Efficiently identifying task groupings (TAG)',
  cost: '(K + 2)F + G',
  create(tasks, given) {
    const { temperature } = parseOptions('lookahead', schema, given);
    return {
      needs: new Set(['lookahead']),
      positiveLosses: true,
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step({ lookahead: seen, lossFloor, present }) {
        if (!seen) throw invalid('lookahead: missing');
        requireNumbers('lookahead.before', seen.before, tasks);
        requireNumbers('lookahead.after', seen.after, tasks * tasks);
        const matrix = affinity(seen, lossFloor);
        return {
          weights: affinityWeights(matrix, temperature, presentTasks(tasks, present)),
          diagnostics: { affinity: [...matrix] },
        };
      },
      save: () => ({}),
      load: () => undefined,
    };
  },
};
