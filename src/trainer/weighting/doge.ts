import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { invalid, parseOptions, parseState, perTask, requireNumbers } from './options.ts';
import { presentTasks, softmaxWeights } from './simplex.ts';
import { gradientNorms } from './statistics.ts';

const schema = z.strictObject({
  /** eta in the scores; null = the step's own learning rate. */
  lr: z.number().positive().nullable().default(null),
  /** Strength of the pull to the weights before: scores are divided by it. */
  mu: z.number().positive().default(0.05),
  /** (1 - eps) w + eps / K. */
  smoothing: z.number().min(0).max(1).default(0),
  /** Scores are kept between lr times these. */
  dwMin: z.number().default(0),
  dwMax: z.number().default(5),
  normEps: z.number().positive().default(1e-6),
});
type Options = z.output<typeof schema>;

/** lr m_k / (mean_j ||g_j|| + eps), clipped to lr [dwMin, dwMax]. */
function dogeScores(
  gains: Float64Array,
  norms: Float64Array,
  rate: number,
  { dwMin, dwMax, normEps }: Options,
): Float64Array {
  const mean = norms.reduce((a, b) => a + b, 0) / norms.length;
  return gains.map((m) =>
    Math.min(rate * dwMax, Math.max(rate * dwMin, (rate * m) / (mean + normEps))),
  );
}

/** DoGE: a mirror step on the simplex; agreement with the held-out gradient adds up. */
export const doge: WeightingMethod = {
  name: 'doge',
  summary: 'multiplicative update by the agreement with the held-out day’s gradient',
  source: 'Fan, Pagliardini & Jaggi 2024, DoGE',
  cost: '2F + G + B',
  create(tasks, given) {
    const options = parseOptions('doge', schema, given);
    const { lr, mu, smoothing } = options;
    const state = z.strictObject({ weights: perTask(tasks) });
    let weights: Float64Array = new Float64Array(tasks).fill(1 / tasks);
    return {
      needs: new Set(['gram', 'validation']),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step({ gram, gains, learningRate, present: there }) {
        const rate = lr ?? learningRate;
        if (rate === undefined) throw invalid('doge.lr: null, and the step has no learning rate');
        const present = presentTasks(tasks, there);
        const norms = gradientNorms(requireNumbers('gram', gram, tasks * tasks), tasks);
        const products = requireNumbers('gains', gains, tasks);
        const scores = dogeScores(
          products.map((m, k) => (present[k] ? m : 0)),
          norms.filter((_, k) => present[k]),
          rate,
          options,
        );
        const logits = weights.map((w, k) => Math.log(w) + (scores[k] ?? 0) / mu);
        const all = softmaxWeights(logits, 1, presentTasks(tasks));
        weights = all.map((w) => (1 - smoothing) * w + smoothing / tasks);
        return { weights: weights.slice(), diagnostics: { scores: [...scores] } };
      },
      save: () => ({ weights: [...weights] }),
      load: (saved) => (weights = Float64Array.from(parseState('doge', state, saved).weights)),
    };
  },
};
