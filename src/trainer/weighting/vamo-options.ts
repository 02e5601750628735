import { z } from 'zod';
import { parseOptions } from './options.ts';

const options = z.strictObject({
  /** `paper`: Algorithm 1 to the letter. `robust` (default): the product's settings. */
  preset: z.enum(['paper', 'robust']),
  /** Temperature of the softmax, >= 0; 0 = hard maximum, Infinity (in JSON "Infinity") = Vanilla. */
  lambda: z.preprocess(
    (x) => (x === 'Infinity' ? Infinity : x),
    z.custom<number>((x) => typeof x === 'number' && x >= 0, 'must be a number >= 0'),
  ),
  /** Unit of lambda: `none` = the score's own, `sd` = running standard deviation of the gains. */
  lambdaScale: z.enum(['none', 'sd']),
  /** Share of its weight that a step keeps in that deviation one step later. */
  sdDecay: z.number().min(0).max(1),
  /** Parameters whose gradients enter gains and norms. */
  scope: z.enum(['all', 'shared']),
  /** Inner product: plain, or with Adam's preconditioner from before the step. */
  metric: z.enum(['euclid', 'adam']),
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
  headPolicy: z.enum(['weighted', 'unweighted']),
  headScale: z.enum(['one', 'mean']),
});

export type VamoOptions = z.output<typeof options>;

const PAPER = {
  preset: 'paper',
  lambda: 1,
  lambdaScale: 'none',
  sdDecay: 0.99,
  scope: 'all',
  metric: 'euclid',
  normalise: 'none',
  ema: 0,
  lag: 0,
  warmupSteps: 0,
  smoothing: 0,
  nullTask: false,
  headPolicy: 'weighted',
  headScale: 'one',
} as const satisfies VamoOptions;

const ROBUST = {
  ...PAPER,
  preset: 'robust',
  lambdaScale: 'sd',
  scope: 'shared',
  metric: 'adam',
  normalise: 'cosine',
  ema: 0.9,
  lag: 1,
  warmupSteps: 20,
  smoothing: 0.05,
} as const satisfies VamoOptions;

/** The preset named by `preset`, with the given options over it. */
export function parseVamoOptions(given: Readonly<Record<string, unknown>>): VamoOptions {
  const preset = given['preset'] === 'paper' ? PAPER : ROBUST;
  return parseOptions('vamo', options, { ...preset, ...given });
}
