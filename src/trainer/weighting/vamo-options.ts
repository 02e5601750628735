import { z } from 'zod';
import { parseOptions } from './options.ts';

const options = z.strictObject({
  /** `paper`: the weights of Algorithm 1. `robust` (default): the product's settings. */
  preset: z.enum(['paper', 'robust']),
  /** Temperature of the softmax, >= 0; 0 = hard maximum, Infinity (in JSON "Infinity") = Vanilla. */
  lambda: z.preprocess(
    (x) => (x === 'Infinity' ? Infinity : x),
    z.custom<number>((x) => typeof x === 'number' && x >= 0, 'must be a number >= 0 or "Infinity"'),
  ),
  /** Unit of lambda: `none` = the score's own, `sd` = running standard deviation of the gains. */
  lambdaScale: z.enum(['none', 'sd']),
  /** Share of its weight that a step keeps in that deviation one step later. */
  sdDecay: z.number().min(0).max(1),
  /** What the gains are divided by: nothing, ||v||, ||v|| ||g_k||, or their mean absolute value. */
  normalise: z.enum(['none', 'valnorm', 'cosine', 'meanabs']),
  /** beta of the moving average of the normalised gains; 0 = none. */
  ema: z.number().min(0).max(0.9999),
  /** Weights come from the scores of so many steps ago: no bias from this batch's own noise. */
  lag: z.int().min(0).max(1000),
  /** Equal weights for so many steps at the start. */
  warmupSteps: z.int().min(0),
  /** (1 - eps) w + eps / K: no task starves. */
  smoothing: z.number().min(0).max(1),
  /** Adds a task of gain 0 without gradient: steps shrink when all tasks conflict. */
  nullTask: z.boolean(),
  /** The held-out gradient is computed anew every so many steps and kept between. */
  valEvery: z.int().min(1),
  /** Whose gradient the tasks are to agree with: the held-out day's, or (ablation) the batch's own. */
  signal: z.enum(['val', 'train']),
  /**
   * Largest norm of a task's whole gradient in the update, in the plain inner product (paper Assumption
   * 2); gains come from the gradient as it is. null = any.
   */
  perTaskClip: z.number().positive().nullable(),
});

export type VamoOptions = z.output<typeof options>;

const PAPER: VamoOptions = {
  preset: 'paper',
  lambda: 1,
  lambdaScale: 'none',
  sdDecay: 0.99,
  normalise: 'none',
  ema: 0,
  lag: 0,
  warmupSteps: 0,
  smoothing: 0,
  nullTask: false,
  valEvery: 1,
  signal: 'val',
  perTaskClip: null,
};

/** v of the batch itself costs nothing with its task gradients and goes with them: it is never kept. */
const OWN_SIGNAL = options.refine(({ signal, valEvery }) => signal === 'val' || valEvery === 1, {
  path: ['valEvery'],
  message: 'must be 1 with signal "train"',
});

/** Raw cosines differ by tenths, deviations by ones: lambda is small or 1 to match. */
function robust(given: Readonly<Record<string, unknown>>): VamoOptions {
  const ema = typeof given['ema'] === 'number' && given['ema'] < 1 ? given['ema'] : 0.9;
  return {
    ...PAPER,
    preset: 'robust',
    lambda: given['lambdaScale'] === 'none' ? 0.25 : 1,
    lambdaScale: 'sd',
    normalise: 'cosine',
    ema: 0.9,
    lag: 1,
    warmupSteps: Math.max(20, Math.round(1 / (1 - ema))),
    smoothing: 0.05,
    valEvery: given['signal'] === 'train' ? 1 : 4,
  };
}

/** What is looked at and moved, by preset; options of every method can say otherwise. */
export const FACES = {
  paper: { scope: 'all', metric: 'euclid' },
  robust: { scope: 'shared', metric: 'adam' },
} as const;

/** The preset named by `preset`, with the given options over it. */
export function parseVamoOptions(given: Readonly<Record<string, unknown>>): VamoOptions {
  const preset = given['preset'] === 'paper' ? PAPER : robust(given);
  return parseOptions('vamo', OWN_SIGNAL, { ...preset, ...given });
}
