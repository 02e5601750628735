import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { aboveFloor } from './loss-floor.ts';
import { parseOptions, parseState, perTask, requireNumbers } from './options.ts';
import { presentTasks, softmaxWeights } from './simplex.ts';
import { gradientNorms, ratio } from './statistics.ts';
import { createTaskOptimiser, taskOptimiserOptions, taskOptimiserState } from './task-optimiser.ts';

const schema = z.strictObject({
  ...taskOptimiserOptions,
  lr: taskOptimiserOptions.lr.default(0.025),
  /** Strength of the pull to equal training rates. */
  alpha: z.number().min(0).default(1.5),
  scaleInit: z.number().default(1),
});

/**
 * Gradient of sum_k |q_k - t_k| with respect to the scales u, w = K softmax(u), q_k = w_k ||g_k||,
 * targets t_k = mean(q) r_k^alpha held constant.
 * @param progress r_k times any constant: L_k / L_k at the start
 */
function gradNormGradient(
  share: Float64Array,
  norms: Float64Array,
  progress: Float64Array,
  alpha: number,
  present: readonly boolean[],
): Float64Array {
  const tasks = share.length;
  const count = present.filter(Boolean).length;
  const mean = (x: Float64Array): number =>
    x.reduce((total, value, k) => total + (present[k] ? value : 0), 0) / count;
  const q = share.map((p, k) => tasks * p * (norms[k] ?? 0));
  const [meanNorm, meanProgress] = [mean(q), mean(progress)];
  const slope = q.map((value, k) => {
    const target = meanNorm * ratio(progress[k] ?? 0, meanProgress) ** alpha;
    return present[k] ? Math.sign(value - target) * (norms[k] ?? 0) : 0;
  });
  const common = slope.reduce((total, x, k) => total + x * (share[k] ?? 0), 0);
  return slope.map((x, k) => tasks * (share[k] ?? 0) * (x - common));
}

/**
 * GradNorm: scales learned so that weighted gradient norms follow the tasks' training rates. Norms
 * are over the shared parameters, the weights K softmax(u) as in LibMTL. In epoch 0 all weights are
 * 1 while the losses at the start are averaged.
 */
export const gradnorm: WeightingMethod = {
  name: 'gradnorm',
  summary: 'weighted gradient norms follow the tasks’ training rates',
  source: 'Chen et al. 2018, GradNorm',
  cost: 'F + G',
  create(tasks, given) {
    const { alpha, scaleInit, ...rest } = parseOptions('gradnorm', schema, given);
    const optimiser = createTaskOptimiser(tasks, rest);
    const state = z.strictObject({
      scale: perTask(tasks),
      optimiser: taskOptimiserState,
      first: z.strictObject({ sums: perTask(tasks), batches: z.int().min(0) }),
    });
    let scale: Float64Array = new Float64Array(tasks).fill(scaleInit);
    let first = { sums: [...new Float64Array(tasks)], batches: 0 };
    return {
      needs: new Set(['losses', 'gram']),
      positiveLosses: true,
      scope: 'shared',
      metric: 'euclid',
      headPolicy: 'unweighted',
      headScale: 'one',
      step({ losses, gram, epoch = 0, present: there, lossFloor }) {
        const loss = requireNumbers('losses', losses, tasks);
        const norms = gradientNorms(requireNumbers('gram', gram, tasks * tasks), tasks);
        if (epoch === 0 || first.batches === 0)
          return { weights: new Float64Array(tasks).fill(1), diagnostics: {} };
        const present = presentTasks(tasks, there);
        const share = softmaxWeights(scale, 1, present);
        const start = Float64Array.from(first.sums, (x) => x / first.batches);
        const base = aboveFloor(start, lossFloor);
        const progress = aboveFloor(loss, lossFloor).map((x, k) => x / (base[k] ?? 0));
        const gradient = gradNormGradient(share, norms, progress, alpha, present);
        const diagnostics = { scale: [...scale], scaleGradient: [...gradient] };
        scale = optimiser.step(scale, gradient);
        return { weights: share.map((p) => tasks * p), diagnostics };
      },
      observe({ losses, epoch = 0 }) {
        if (epoch > 0) return;
        first = {
          sums: first.sums.map((x, k) => x + (losses[k] ?? 0)),
          batches: first.batches + 1,
        };
      },
      save: () => ({ scale: [...scale], optimiser: optimiser.save(), first }),
      load(saved) {
        const parsed = parseState('gradnorm', state, saved);
        scale = Float64Array.from(parsed.scale);
        first = parsed.first;
        optimiser.load(parsed.optimiser);
      },
    };
  },
};
