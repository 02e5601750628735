import { z } from 'zod';
import type { Weighting, WeightingMethod } from './method.ts';
import { parseState, perTask, requireNumbers } from './options.ts';
import { entropy, presentTasks, softmaxWeights, uniformWeights } from './simplex.ts';
import { cosines } from './statistics.ts';
import { FACES, parseVamoOptions, type VamoOptions } from './vamo-options.ts';
import {
  alignment,
  type Alignment,
  createScoreAverage,
  normalisedGains,
  type Score,
  scoreState,
} from './vamo-score.ts';

const stateSchema = (tasks: number) =>
  z.strictObject({
    steps: z.int().min(0),
    ...scoreState(tasks),
    /** Scores not yet used because of `lag`, oldest first. */
    pending: z.array(z.strictObject({ score: perTask(tasks), unit: z.number() })),
  });

/** softmax(score / (lambda u)), smoothed; equal weights while no gain has ever differed. */
function weigh(
  { score, unit }: Score,
  { lambda, smoothing, nullTask }: VamoOptions,
  present: readonly boolean[],
): Float64Array {
  if (unit === 0) return uniformWeights(present);
  const weights = softmaxWeights(Float64Array.from(score), lambda * unit, present, nullTask);
  const floor = uniformWeights(present, smoothing);
  return weights.map((w, k) => (1 - smoothing) * w + (floor[k] ?? 0));
}

/** Bounding ||g_k|| by `most` is a factor min(1, most / ||g_k||) on its weight. */
function clipped(weights: Float64Array, norms: Float64Array, most: number): Float64Array {
  return weights.map((w, k) => w * Math.min(1, most / (norms[k] ?? 0)));
}

/** Common options that would undo what `nullTask` and `perTaskClip` do. */
function exclusions({ nullTask, perTaskClip }: VamoOptions): NonNullable<Weighting['excludes']> {
  const shrinks = nullTask ? 'nullTask' : perTaskClip === null ? null : 'perTaskClip';
  return {
    ...(shrinks && { totalWeight: `${shrinks} makes the total less, a fixed one undoes that` }),
    ...(perTaskClip !== null && {
      headPolicy: 'perTaskClip bounds whole gradients, heads among them, through their weights',
    }),
  };
}

/** What a task of gain 0 without gradient would get: the share of the step that conflict argues against. */
function nullShare(score: Float64Array, lambda: number, present: readonly boolean[]): number {
  if (Number.isNaN(lambda)) return 0;
  const weights = softmaxWeights(score, lambda, present, true);
  return 1 - weights.reduce((a, b) => a + b, 0);
}

interface Weighed {
  readonly score: Float64Array;
  readonly lambda: number;
  readonly weights: Float64Array;
  readonly present: readonly boolean[];
  readonly learningRate: number | undefined;
}

function diagnose(
  { gains, gradientNorms, validationNorm }: Alignment,
  { score, lambda, weights, present, learningRate }: Weighed,
): Record<string, number | readonly number[]> {
  const expectedGain = weights.reduce((total, w, k) => total + w * (gains[k] ?? 0), 0);
  const spread = entropy(weights);
  return {
    gains: [...gains],
    score: [...score],
    validationNorm,
    ...(gradientNorms && {
      gradientNorms: [...gradientNorms],
      cosines: [...cosines(gains, validationNorm, gradientNorms)],
    }),
    nullWeight: nullShare(score, lambda, present),
    entropy: spread,
    expectedGain,
    ...(lambda < Infinity && { lambda, objective: expectedGain + lambda * spread }),
    ...(learningRate !== undefined && { predictedValChange: -learningRate * expectedGain }),
  };
}

/**
 * VAMO, paper Algorithm 1. Per step, from the marginal gains m_k = <g_val, g_k> (eq. 7):
 *
 *   r_k = m_k / (normalisation)                   M_k <- beta M_k + (1 - beta) r_k
 *   score_k = M_k / (1 - beta^n_k)                w = softmax(score / (lambda u))   (eq. 9)
 *
 * with n_k the steps task k was present. The unit u is 1, or with `lambdaScale: sd` the running
 * standard deviation of the r_k (see `createRunningDeviation`), taken before averaging: the average
 * shrinks noise below u and leaves lasting differences, so noise alone cannot make w one-hot and a
 * change of loss units changes nothing. While u is 0 no gain has ever differed: equal weights.
 * An absent task keeps its score and gets weight 0.
 */
function createVamo(tasks: number, options: VamoOptions): Weighting {
  const state = stateSchema(tasks);
  const average = createScoreAverage(tasks, options);
  const { perTaskClip } = options;
  const needsGram = options.normalise === 'cosine';
  let steps = 0;
  let pending: readonly Score[] = [];
  return {
    needs: new Set([
      ...(needsGram ? (['gram'] as const) : []),
      ...(perTaskClip === null ? [] : (['norms'] as const)),
      'validation',
    ]),
    excludes: exclusions(options),
    ...FACES[options.preset],
    headPolicy: 'weighted',
    headScale: 'one',
    validationEvery: options.valEvery,
    validationSignal: options.signal === 'train' ? 'train' : 'heldout',
    step(input) {
      const at = alignment(tasks, input, needsGram);
      const norms = perTaskClip === null ? null : requireNumbers('norms', input.norms, tasks);
      const present = presentTasks(tasks, input.present);
      const now = average.observe(normalisedGains(options.normalise, at, present), present);
      const queue = [...pending, now];
      const used = queue.length > options.lag ? queue[0] : undefined;
      const equal = used === undefined || steps < options.warmupSteps;
      const chosen = equal ? uniformWeights(present) : weigh(used, options, present);
      const weights = norms && perTaskClip ? clipped(chosen, norms, perTaskClip) : chosen;
      pending = used ? queue.slice(1) : queue;
      steps++;
      const diagnostics = diagnose(at, {
        score: Float64Array.from(now.score),
        lambda: options.lambda * now.unit,
        weights,
        present,
        learningRate: input.learningRate,
      });
      return { weights, diagnostics };
    },
    save: () => ({ steps, ...average.save(), pending }),
    load(saved) {
      const parsed = parseState('vamo', state, saved);
      ({ steps, pending } = parsed);
      average.load(parsed);
    },
  };
}

export const vamo: WeightingMethod = {
  name: 'vamo',
  summary: 'softmax of the agreement with the gradient of a held-out later day',
  source: 'VAMO, the paper, Algorithm 1',
  cost: '2F + G + B; less with valEvery',
  create: (tasks, options) => createVamo(tasks, parseVamoOptions(options)),
};
