import { VamoError } from '../../core/index.ts';
import type { GradientFigures } from '../run-record.ts';
import type { GradientProducts } from './inner-products.ts';

/** Entropy of weights scaled to total 1, nats. */
export function entropy(weights: Float64Array): number {
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.reduce((h, w) => (w > 0 ? h - (w / total) * Math.log(w / total) : h), 0);
}

/** Norms, gains and cosines of one step's inner products. */
export function gradientFigures(products: GradientProducts): GradientFigures {
  const { gram, gains, validationNormSquared } = products;
  const tasks = gains.length;
  const validationNorm = Math.sqrt(Math.max(0, validationNormSquared));
  const norms = Array.from(gains, (_, k) => Math.sqrt(Math.max(0, gram[k * tasks + k] ?? 0)));
  const cosines = norms.map((norm, k) => {
    const scale = norm * validationNorm;
    return scale > 0 ? (gains[k] ?? 0) / scale : 0;
  });
  return { gains: [...gains], norms, validationNorm, cosines };
}

/** @throws VamoError TRAIN_NOT_FINITE naming the step and the first task whose figure is not finite */
export function requireFinite(
  values: ArrayLike<number>,
  what: string,
  step: number,
  tasks: readonly string[],
): void {
  const task = Array.from(values).findIndex((x) => !Number.isFinite(x));
  if (task < 0) return;
  throw new VamoError(
    'TRAIN_NOT_FINITE',
    `step ${step}: ${what} of task "${tasks[task] ?? task}" is ${values[task]}`,
    { details: { step, task: tasks[task], value: String(values[task]) } },
  );
}
