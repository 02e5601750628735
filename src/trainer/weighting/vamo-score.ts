import { z } from 'zod';
import type { WeightingInput } from './method.ts';
import { invalid, perTask, requireNumbers } from './options.ts';
import { createRunningDeviation } from './running-deviation.ts';
import { cosines, gradientNorms, ratio } from './statistics.ts';
import type { VamoOptions } from './vamo-options.ts';

/** Gains and norms of one step, checked. */
export interface Alignment {
  readonly gains: Float64Array;
  /** Where the method needs them. */
  readonly gradientNorms: Float64Array | undefined;
  readonly validationNorm: number;
}

export function alignment(tasks: number, input: WeightingInput, needsNorms: boolean): Alignment {
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

/** r_k: the gains in units of nothing, ||v||, ||v|| ||g_k||, or their mean absolute value. */
export function normalisedGains(
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
function scores(average: readonly number[], seen: readonly number[], beta: number): number[] {
  const known = average.map((m, k) => m / (1 - beta ** (seen[k] ?? 0)));
  const there = known.filter((_, k) => seen[k] !== 0);
  const middle = ratio(
    there.reduce((a, b) => a + b, 0),
    there.length,
  );
  return known.map((score, k) => (seen[k] === 0 ? middle : score));
}

/** Scores of the tasks and the unit of lambda. */
export interface Score {
  readonly score: readonly number[];
  readonly unit: number;
}

export const scoreState = (tasks: number) => ({
  /** Moving average M_k of the normalised gains, and how often task k was seen. */
  average: perTask(tasks),
  seen: z.array(z.int().min(0)).length(tasks),
  deviation: z.strictObject({ weight: z.number(), mean: z.number(), squares: z.number() }),
});
type State = z.output<z.ZodObject<ReturnType<typeof scoreState>>>;

export interface ScoreAverage {
  /** Takes in one step's normalised gains; an absent task keeps its score. */
  observe(r: Float64Array, present: readonly boolean[]): Score;
  save(): State;
  load(state: State): void;
}

/** M_k <- beta M_k + (1 - beta) r_k, and the running deviation of the r_k. */
export function createScoreAverage(
  tasks: number,
  { ema: beta, sdDecay, lambdaScale }: VamoOptions,
): ScoreAverage {
  let average = Array.from({ length: tasks }, () => 0);
  let seen = Array.from({ length: tasks }, () => 0);
  const deviation = createRunningDeviation(sdDecay);
  return {
    observe(r, present) {
      average = average.map((m, k) => (present[k] ? beta * m + (1 - beta) * (r[k] ?? 0) : m));
      seen = seen.map((n, k) => (present[k] ? n + 1 : n));
      deviation.observe(r.filter((_, k) => present[k]));
      const unit = lambdaScale === 'sd' ? deviation.value() : 1;
      return { score: scores(average, seen, beta), unit };
    },
    save: () => ({ average: [...average], seen: [...seen], deviation: deviation.save() }),
    load(state) {
      average = [...state.average];
      seen = [...state.seen];
      deviation.load(state.deviation);
    },
  };
}
