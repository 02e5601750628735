import { z } from 'zod';
import { parseState, perTask } from './options.ts';
import { createTaskOptimiser, taskOptimiserOptions, taskOptimiserState } from './task-optimiser.ts';

export const imtlOptions = z.strictObject({
  ...taskOptimiserOptions,
  lr: taskOptimiserOptions.lr.default(0.025),
  /** The log scales stay within +- this: losses at or below 0 would drive them to infinity. */
  limit: z.number().positive().default(10),
});

/** The log scales s of IMTL-L, with their optimiser. */
export interface LogScales {
  /** e^{s_k}. */
  factors(): Float64Array;
  values(): Float64Array;
  observe(losses: Float64Array, present: readonly boolean[] | undefined): void;
  save(): Readonly<Record<string, unknown>>;
  load(state: unknown): void;
}

/** d/ds of sum_k e^{s_k} L_k - s_k. */
export const logScaleGradient = (losses: Float64Array, logScale: Float64Array): Float64Array =>
  losses.map((loss, k) => Math.exp(logScale[k] ?? 0) * loss - 1);

export function createLogScales(
  method: string,
  tasks: number,
  { limit, ...settings }: z.output<typeof imtlOptions>,
): LogScales {
  const optimiser = createTaskOptimiser(tasks, settings);
  const state = z.strictObject({ logScale: perTask(tasks), optimiser: taskOptimiserState });
  let logScale: Float64Array = new Float64Array(tasks);
  return {
    factors: () => logScale.map((s) => Math.exp(s)),
    values: () => logScale,
    observe(losses, present) {
      const gradient = logScaleGradient(losses, logScale);
      logScale = optimiser
        .step(
          logScale,
          gradient.map((x, k) => (present?.[k] === false ? 0 : x)),
        )
        .map((s) => Math.min(limit, Math.max(-limit, s)));
    },
    save: () => ({ logScale: [...logScale], optimiser: optimiser.save() }),
    load(saved) {
      const parsed = parseState(method, state, saved);
      logScale = Float64Array.from(parsed.logScale);
      optimiser.load(parsed.optimiser);
    },
  };
}
