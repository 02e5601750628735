import { z } from 'zod';
import type { Weighting, WeightingInput, WeightingMethod } from './method.ts';
import { invalid, parseState, perTask, requireNumbers } from './options.ts';
import { createRunningDeviation } from './running-deviation.ts';
import { entropy, presentTasks, softmaxWeights, uniformWeights } from './simplex.ts';
import { cosines, gradientNorms, ratio } from './statistics.ts';
import { FACES, parseVamoOptions, type VamoOptions } from './vamo-options.ts';

const stateSchema = (tasks: number) =>
  z.strictObject({
    steps: z.int().min(0),
    /** Moving average M_k of the normalised gains, and how often task k was seen. */
    average: perTask(tasks),
    seen: z.array(z.int().min(0)).length(tasks),
    deviation: z.strictObject({ weight: z.number(), mean: z.number(), squares: z.number() }),
    /** Scores not yet used because of `lag`, oldest first. */
    pending: z.array(z.strictObject({ score: perTask(tasks), unit: z.number() })),
  });
type State = z.output<ReturnType<typeof stateSchema>>;
type Pending = State['pending'][number];

/** Gains and norms of one step, checked. */
interface Alignment {
  readonly gains: Float64Array;
  /** Where the method needs them. */
  readonly gradientNorms: Float64Array | undefined;
  readonly validationNorm: number;
}

function alignment(tasks: number, input: WeightingInput, needsNorms: boolean): Alignment {
  const gains = requireNumbers('gains', input.gains, tasks);
  const gram =
    needsNorms || input.gram ? requireNumbers('gram', input.gram, tasks * tasks) : undefined;
  const square = input.validationNormSquared;
  if (square === undefined || !(square >= 0 && square < Infinity))
    throw invalid(`validationNormSquared: ${square ?? 'missing'}; must be finite and >= 0`);
  return {
    gains,
    gradientNorms: gram && gradientNorms(gram, tasks),
    validationNorm: Math.sqrt(square),
  };
}

function normalisedGains(
  kind: VamoOptions['normalise'],
  { gains, gradientNorms: norms = new Float64Array(), validationNorm }: Alignment,
  present: readonly boolean[],
): Float64Array {
  if (kind === 'none') return gains;
  if (kind === 'valnorm') return gains.map((m) => ratio(m, validationNorm));
  if (kind === 'cosine') return cosines(gains, validationNorm, norms);
  const there = gains.filter((_, k) => present[k]);
  const size = there.reduce((total, m) => total + Math.abs(m), 0) / there.length;
  return gains.map((m) => ratio(m, size));
}

/** Bias-corrected averages; a task not seen yet gets the mean of the others (0 if there are none). */
function scores(average: readonly number[], seen: readonly number[], beta: number): Float64Array {
  const known = average.map((m, k) => m / (1 - beta ** (seen[k] ?? 0)));
  const there = known.filter((_, k) => seen[k] !== 0);
  const middle = ratio(
    there.reduce((a, b) => a + b, 0),
    there.length,
  );
  return Float64Array.from(known, (score, k) => (seen[k] === 0 ? middle : score));
}

/** What a task of gain 0 without gradient would get: the share of the step that conflict argues against. */
function nullShare(score: Float64Array, lambda: number, present: readonly boolean[]): number {
  if (Number.isNaN(lambda)) return 0;
  const weights = softmaxWeights(score, lambda, present, true);
  return 1 - weights.reduce((a, b) => a + b, 0);
}

function diagnose(
  step: Alignment,
  score: Float64Array,
  lambda: number,
  weights: Float64Array,
  { learningRate, nullWeight }: { learningRate: number | undefined; nullWeight: number },
): Record<string, number | readonly number[]> {
  const expectedGain = weights.reduce((total, w, k) => total + w * (step.gains[k] ?? 0), 0);
  const spread = entropy(weights);
  return {
    gains: [...step.gains],
    score: [...score],
    validationNorm: step.validationNorm,
    ...(step.gradientNorms && {
      gradientNorms: [...step.gradientNorms],
      cosines: [...cosines(step.gains, step.validationNorm, step.gradientNorms)],
    }),
    nullWeight,
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
  let steps = 0;
  let average = Array.from({ length: tasks }, () => 0);
  let seen = Array.from({ length: tasks }, () => 0);
  let pending: readonly Pending[] = [];
  const deviation = createRunningDeviation(options.sdDecay);
  const beta = options.ema;
  const needsNorms = options.normalise === 'cosine' || options.perTaskClip !== null;

  const observe = (r: Float64Array, present: readonly boolean[]): Pending => {
    for (let k = 0; k < tasks; k++) {
      if (!present[k]) continue;
      average[k] = beta * (average[k] ?? 0) + (1 - beta) * (r[k] ?? 0);
      seen[k] = (seen[k] ?? 0) + 1;
    }
    deviation.observe(r.filter((_, k) => present[k]));
    const unit = options.lambdaScale === 'sd' ? deviation.value() : 1;
    return { score: [...scores(average, seen, beta)], unit };
  };

  const weigh = (used: Pending | undefined, present: readonly boolean[]): Float64Array => {
    if (used === undefined || used.unit === 0 || steps < options.warmupSteps)
      return uniformWeights(present);
    const { smoothing, nullTask } = options;
    const lambda = options.lambda * used.unit;
    const weights = softmaxWeights(Float64Array.from(used.score), lambda, present, nullTask);
    const floor = uniformWeights(present, smoothing);
    return weights.map((w, k) => (1 - smoothing) * w + (floor[k] ?? 0));
  };

  /** Bounding ||g_k|| by c is a factor min(1, c / ||g_k||) on its weight. */
  const clipped = (weights: Float64Array, norms: Float64Array | undefined): Float64Array => {
    const most = options.perTaskClip;
    if (most === null || !norms) return weights;
    return weights.map((w, k) => w * Math.min(1, most / (norms[k] ?? 0)));
  };

  return {
    needs: new Set(needsNorms ? ['gram', 'validation'] : ['validation']),
    ...FACES[options.preset],
    headPolicy: 'weighted',
    headScale: 'one',
    validationEvery: options.valEvery,
    validationSignal: options.signal === 'train' ? 'train' : 'heldout',
    step(input) {
      const at = alignment(tasks, input, needsNorms);
      const present = presentTasks(tasks, input.present);
      const now = observe(normalisedGains(options.normalise, at, present), present);
      const queue = [...pending, now];
      const used = queue.length > options.lag ? queue[0] : undefined;
      const weights = clipped(weigh(used, present), at.gradientNorms);
      pending = used ? queue.slice(1) : queue;
      steps++;
      const score = Float64Array.from(now.score);
      const lambda = options.lambda * now.unit;
      const { learningRate } = input;
      const nullWeight = nullShare(score, lambda, present);
      return {
        weights,
        diagnostics: diagnose(at, score, lambda, weights, { learningRate, nullWeight }),
      };
    },
    save: () => ({
      steps,
      average: [...average],
      seen: [...seen],
      deviation: deviation.save(),
      pending,
    }),
    load(saved) {
      const parsed = parseState('vamo', state, saved);
      ({ steps, average, seen, pending } = parsed);
      deviation.load(parsed.deviation);
    },
  };
}

export const vamo: WeightingMethod = {
  name: 'vamo',
  summary: 'softmax of the agreement with the gradient of a held-out later day',
  source: 'VAMO, the paper, Algorithm 1',
  cost: '2F + (K + 1)B; less with valEvery',
  create: (tasks, options) => createVamo(tasks, parseVamoOptions(options)),
};
