import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { parseOptions, parseState, perTask, requireNumbers } from './options.ts';
import { projectToSimplex } from './solvers/simplex-projection.ts';
import { times } from './statistics.ts';

const schema = z.strictObject({
  /** Pull of the direction to the mean gradient. */
  lambda: z.number().min(0).default(0.3),
  /** Inner steps, their rate and momentum. */
  niter: z.int().min(1).default(20),
  innerLr: z.number().positive().default(5),
  innerMomentum: z.number().min(0).max(0.9999).default(0.5),
  eps: z.number().positive().default(1e-8),
});

/** `niter` projected momentum steps on M w + lambda rowmean(M), M scaled by its mean norm squared. */
function sdmgradSimplexWeights(
  start: Float64Array,
  crossGram: Float64Array,
  { lambda, niter, innerLr, innerMomentum, eps }: z.output<typeof schema>,
): Float64Array {
  const tasks = start.length;
  const scale =
    start.reduce((sum, _, k) => sum + Math.sqrt(Math.max(0, crossGram[k * tasks + k] ?? 0)), 0) /
    tasks;
  const matrix = crossGram.map((x) => x / (scale * scale + eps));
  const pull = times(matrix, new Float64Array(tasks).fill(lambda / tasks));
  let w = start;
  let velocity = new Float64Array(tasks);
  for (let i = 0; i < niter; i++) {
    const gradient = times(matrix, w);
    velocity = velocity.map((v, k) => innerMomentum * v + (gradient[k] ?? 0) + (pull[k] ?? 0));
    w = projectToSimplex(w.map((x, k) => x - innerLr * (velocity[k] ?? 0)));
  }
  return w;
}

/**
 * SDMGrad: direction-oriented multi-objective descent. w solves the least-norm problem pulled to the
 * mean gradient, with unbiased products from two further batches; the weights of the applied batch
 * are (w_k + lambda / K) / (1 + lambda).
 */
export const sdmgrad: WeightingMethod = {
  name: 'sdmgrad',
  summary: 'least-norm direction pulled to the mean, by unbiased products of two batches',
  source: 'Xiao, Ban & Ji 2023, Direction-oriented multi-objective learning',
  cost: '3F + 3G',
  create(tasks, given) {
    const options = parseOptions('sdmgrad', schema, given);
    const { lambda } = options;
    const state = z.strictObject({ w: perTask(tasks) });
    let w: Float64Array = new Float64Array(tasks).fill(1 / tasks);
    return {
      needs: new Set(['crossGram']),
      scope: 'shared',
      metric: 'euclid',
      headPolicy: 'unweighted',
      headScale: 'one',
      step({ crossGram }) {
        w = sdmgradSimplexWeights(
          w,
          requireNumbers('crossGram', crossGram, tasks * tasks),
          options,
        );
        return {
          weights: w.map((x) => (x + lambda / tasks) / (1 + lambda)),
          diagnostics: { simplexWeights: [...w] },
        };
      },
      save: () => ({ w: [...w] }),
      load: (saved) => (w = Float64Array.from(parseState('sdmgrad', state, saved).w)),
    };
  },
};
