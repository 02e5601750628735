import { z } from 'zod';
import type { Weighting, WeightingInput, WeightingMethod } from './method.ts';
import { invalid, requireNumbers } from './options.ts';
import { createRunningDeviation } from './running-deviation.ts';
import { entropy, presentTasks, softmaxWeights, uniformWeights } from './simplex.ts';
import { parseVamoOptions, type VamoOptions } from './vamo-options.ts';

const numbers = z.array(z.number());
const stateSchema = z.strictObject({
  steps: z.int().min(0),
  /** Moving average M_k of the normalised gains, and how often task k was seen. */
  average: numbers,
  seen: z.array(z.int().min(0)),
  deviation: z.strictObject({ weight: z.number(), mean: z.number(), squares: z.number() }),
  /** Scores not yet used because of `lag`, oldest first. */
  pending: z.array(z.strictObject({ score: numbers, unit: z.number() })),
});
type State = z.output<typeof stateSchema>;
type Pending = State['pending'][number];

/** Gains and norms of one step, checked. */
interface Alignment {
  readonly gains: Float64Array;
  readonly gradientNorms: Float64Array;
  readonly validationNorm: number;
}

function alignment(tasks: number, input: WeightingInput): Alignment {
  const gains = requireNumbers('gains', input.gains, tasks);
  const gram = requireNumbers('gram', input.gram, tasks * tasks);
  const square = input.validationNormSquared;
  if (square === undefined || !(square >= 0 && square < Infinity))
    throw invalid(`validationNormSquared: ${square ?? 'missing'}; must be finite and >= 0`);
  return {
    gains,
    // A norm that rounding pushed below 0 is 0.
    gradientNorms: gains.map((_, k) => Math.sqrt(Math.max(0, gram[k * tasks + k] ?? 0))),
    validationNorm: Math.sqrt(square),
  };
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

function normalisedGains(
  kind: VamoOptions['normalise'],
  { gains, gradientNorms, validationNorm }: Alignment,
  present: readonly boolean[],
): Float64Array {
  if (kind === 'none') return gains;
  if (kind === 'valnorm') return gains.map((m) => ratio(m, validationNorm));
  if (kind === 'cosine')
    return gains.map((m, k) => ratio(ratio(m, validationNorm), gradientNorms[k] ?? 0));
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

function diagnose(
  step: Alignment,
  score: Float64Array,
  lambda: number,
  weights: Float64Array,
  learningRate: number | undefined,
): Record<string, number | readonly number[]> {
  const expectedGain = weights.reduce((total, w, k) => total + w * (step.gains[k] ?? 0), 0);
  const spread = entropy(weights);
  return {
    gains: [...step.gains],
    score: [...score],
    gradientNorms: [...step.gradientNorms],
    validationNorm: step.validationNorm,
    cosines: [...normalisedGains('cosine', step, [])],
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
  let steps = 0;
  let average = Array.from({ length: tasks }, () => 0);
  let seen = Array.from({ length: tasks }, () => 0);
  let pending: readonly Pending[] = [];
  const deviation = createRunningDeviation(options.sdDecay);
  const beta = options.ema;

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

  return {
    needs: new Set(['gram', 'validation']),
    scope: options.scope,
    metric: options.metric,
    headPolicy: options.headPolicy,
    headScale: options.headScale,
    step(input) {
      const at = alignment(tasks, input);
      const present = presentTasks(tasks, input.present);
      const now = observe(normalisedGains(options.normalise, at, present), present);
      const queue = [...pending, now];
      const used = queue.length > options.lag ? queue[0] : undefined;
      const weights = weigh(used, present);
      pending = used ? queue.slice(1) : queue;
      steps++;
      const score = Float64Array.from(now.score);
      const lambda = options.lambda * now.unit;
      return {
        weights,
        diagnostics: diagnose(at, score, lambda, weights, input.learningRate),
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
      const parsed = stateSchema.safeParse(saved);
      if (parsed.data?.average.length !== tasks || parsed.data.seen.length !== tasks)
        throw invalid(`vamo state: ${JSON.stringify(saved)}; not a state for ${tasks} tasks`);
      ({ steps, average, seen, pending } = parsed.data);
      deviation.load(parsed.data.deviation);
    },
  };
}

export const vamo: WeightingMethod = {
  name: 'vamo',
  summary: 'softmax of the agreement with the gradient of a held-out later day',
  source: 'VAMO, the paper, Algorithm 1',
  cost: '2F + 2B',
  create: (tasks, options) => createVamo(tasks, parseVamoOptions(options)),
};
