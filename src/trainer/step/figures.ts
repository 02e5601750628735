import { VamoError } from '../../core/index.ts';
import type { Diagnostics, StepRecord } from '../run-record.ts';
import type { WeightingInput, WeightingOutput } from '../weighting/index.ts';

/** Entropy of the weights' magnitudes scaled to total 1, nats: some methods give weights below 0. */
function entropy(weights: Float64Array): number {
  const sizes = weights.map(Math.abs);
  const total = sizes.reduce((a, b) => a + b, 0);
  return sizes.reduce((h, w) => (w > 0 ? h - (w / total) * Math.log(w / total) : h), 0);
}

/** The gains that the method was given, with norms and cosines where the task gradients are known. */
function gradientFigures({
  gram,
  gains,
  validationNormSquared = 0,
}: WeightingInput): Pick<StepRecord, 'gradients'> {
  if (!gains || gains.length === 0) return {};
  const tasks = gains.length;
  const validationNorm = Math.sqrt(Math.max(0, validationNormSquared));
  if (!gram) return { gradients: { gains: [...gains], validationNorm } };
  const norms = Array.from(gains, (_, k) => Math.sqrt(Math.max(0, gram[k * tasks + k] ?? 0)));
  const cosines = norms.map((norm, k) => {
    const scale = norm * validationNorm;
    return scale > 0 ? (gains[k] ?? 0) / scale : 0;
  });
  return { gradients: { gains: [...gains], validationNorm, norms, cosines } };
}

/** A record is JSON, which has no NaN and no infinities: such figures are left out. */
function finite(diagnostics: Diagnostics): Pick<StepRecord, 'diagnostics'> {
  const kept = Object.entries(diagnostics).filter(([, value]) =>
    [value].flat().every(Number.isFinite),
  );
  return kept.length > 0 ? { diagnostics: Object.fromEntries(kept) } : {};
}

/** What a step's record says of its weights: what they came from, and the method's own figures. */
export function weightFigures(
  input: WeightingInput,
  { weights, diagnostics }: WeightingOutput,
): Pick<StepRecord, 'weights' | 'entropy' | 'gradients' | 'diagnostics'> {
  return {
    weights: [...weights],
    entropy: entropy(weights),
    ...gradientFigures(input),
    ...finite(diagnostics),
  };
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
