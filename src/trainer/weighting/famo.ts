import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { parseOptions, parseState, perTask, requireNumbers } from './options.ts';
import { presentTasks, softmaxWeights } from './simplex.ts';
import { createTaskOptimiser, taskOptimiserOptions, taskOptimiserState } from './task-optimiser.ts';

const { optimizer, lr, beta1, beta2, adamEps } = taskOptimiserOptions;
const schema = z.strictObject({
  optimizer,
  lr: lr.default(0.025),
  beta1,
  beta2,
  adamEps,
  /** Decay of the logits, inside the gradient. */
  gamma: z.number().min(0).default(0.001),
  /** Added to every loss's distance from its floor. */
  eps: z.number().positive().default(1e-8),
});

/** D_k = L_k - floor_k + eps, the distances whose logarithms are to fall. */
const distances = (losses: Float64Array, floor: Float64Array, eps: number): Float64Array =>
  losses.map((loss, k) => loss - (floor[k] ?? 0) + eps);

/**
 * w_k = (z_k / D_k) / c with c = sum_j z_j / D_j: the gradient of (1/c) sum_k z_k log D_k.
 * @returns the weights, which total 1, and c
 */
function famoWeights(
  z: Float64Array,
  losses: Float64Array,
  floor: Float64Array,
  eps: number,
): { readonly weights: Float64Array; readonly c: number; readonly scalarLoss: number } {
  const distance = distances(losses, floor, eps);
  const parts = distance.map((d, k) => (z[k] ?? 0) / d);
  const c = parts.reduce((a, b) => a + b, 0);
  const logs = distance.reduce((total, d, k) => total + (z[k] ?? 0) * Math.log(d), 0);
  return { weights: parts.map((x) => x / c), c, scalarLoss: logs / c };
}

/** q_k = z_k (delta_k - sum_j z_j delta_j), delta_k = log D_k - log D'_k. */
export function famoGradient(
  z: Float64Array,
  losses: { readonly before: Float64Array; readonly after: Float64Array },
  floor: Float64Array,
  eps: number,
): Float64Array {
  const before = distances(losses.before, floor, eps);
  const after = distances(losses.after, floor, eps);
  const delta = before.map((d, k) => Math.log(d) - Math.log(after[k] ?? Number.NaN));
  const mean = delta.reduce((total, x, k) => total + (z[k] ?? 0) * x, 0);
  return delta.map((x, k) => (z[k] ?? 0) * (x - mean));
}

/**
 * Fast adaptive multitask optimisation: logits xi learned so that all tasks' log losses fall at one
 * rate. The losses after the update are measured on the same batch.
 */
export const famo: WeightingMethod = {
  name: 'famo',
  summary: 'equal rates of decrease of the log losses, from losses before and after',
  source: 'Liu, Feng, Stone & Liu 2023, FAMO',
  cost: '3F + B',
  create(tasks, given) {
    const { gamma, eps, ...rest } = parseOptions('famo', schema, given);
    const optimiser = createTaskOptimiser(tasks, { ...rest, weightDecay: gamma });
    const state = z.strictObject({ logits: perTask(tasks), optimiser: taskOptimiserState });
    let logits: Float64Array = new Float64Array(tasks);
    const none = new Float64Array(tasks);
    return {
      needs: new Set(['losses', 'newLosses']),
      positiveLosses: true,
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step({ losses, lossFloor = none, present }) {
        const z = softmaxWeights(logits, 1, presentTasks(tasks, present));
        const found = famoWeights(z, requireNumbers('losses', losses, tasks), lossFloor, eps);
        return {
          weights: found.weights,
          diagnostics: { logits: [...logits], z: [...z], scalarLoss: found.scalarLoss },
        };
      },
      observe({ losses, newLosses, lossFloor = none, present }) {
        const z = softmaxWeights(logits, 1, presentTasks(tasks, present));
        const after = requireNumbers('newLosses', newLosses, tasks);
        const gradient = famoGradient(z, { before: losses, after }, lossFloor, eps);
        logits = optimiser.step(logits, gradient);
      },
      save: () => ({ logits: [...logits], optimiser: optimiser.save() }),
      load(saved) {
        const parsed = parseState('famo', state, saved);
        logits = Float64Array.from(parsed.logits);
        optimiser.load(parsed.optimiser);
      },
    };
  },
};
