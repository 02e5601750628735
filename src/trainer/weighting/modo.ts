import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { parseOptions, parseState, perTask, requireNumbers } from './options.ts';
import { projectToSimplex } from './solvers/simplex-projection.ts';
import { times } from './statistics.ts';

const schema = z.strictObject({
  /** Step of lambda. */
  gamma: z.number().positive().default(0.001),
  /** Pull of lambda to equal weights. */
  rho: z.number().min(0).default(0.1),
});

/** lambda - gamma (M lambda + rho lambda), back on the simplex; M_jk = <g_j of batch 2, g_k of batch 3>. */
function modoStep(
  lambda: Float64Array,
  crossGram: Float64Array,
  { gamma, rho }: z.output<typeof schema>,
): Float64Array {
  const descent = times(crossGram, lambda);
  return projectToSimplex(lambda.map((x, k) => x - gamma * ((descent[k] ?? 0) + rho * x)));
}

/** MoDo: two further batches give an unbiased gradient of ||G^T lambda||^2. */
export const modo: WeightingMethod = {
  name: 'modo',
  summary: 'least-norm direction by an unbiased step on two further batches',
  source: 'Chen et al. 2023, Three-way trade-off in multi-objective learning (MoDo)',
  cost: '3F + 3G',
  create(tasks, given) {
    const options = parseOptions('modo', schema, given);
    const state = z.strictObject({ lambda: perTask(tasks) });
    let lambda: Float64Array = new Float64Array(tasks).fill(1 / tasks);
    return {
      needs: new Set(['crossGram']),
      scope: 'shared',
      metric: 'euclid',
      headPolicy: 'unweighted',
      headScale: 'one',
      step({ crossGram }) {
        lambda = modoStep(lambda, requireNumbers('crossGram', crossGram, tasks * tasks), options);
        return { weights: lambda.slice(), diagnostics: {} };
      },
      save: () => ({ lambda: [...lambda] }),
      load: (saved) => (lambda = Float64Array.from(parseState('modo', state, saved).lambda)),
    };
  },
};
