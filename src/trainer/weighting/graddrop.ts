import { z } from 'zod';
import type { GradientRows, WeightingMethod } from './method.ts';
import { invalid, parseOptions } from './options.ts';

const schema = z.strictObject({
  /** Share of a dropped entry that stays. */
  leak: z.number().min(0).max(1).default(0),
  eps: z.number().positive().default(1e-8),
});
type Options = z.output<typeof schema>;

/** (1 + sum g / (sum |g| + eps)) / 2: 1 where all are positive, 0 where all are negative. */
export function signPurity(entries: Iterable<number>, eps: number): number {
  let [sum, size] = [0, 0];
  for (const x of entries) {
    sum += x;
    size += Math.abs(x);
  }
  return 0.5 * (1 + sum / (size + eps));
}

/** Whether an entry stays: positive ones if purity > u, negative ones if purity < u. */
export const isKept = (entry: number, purity: number, u: number): boolean =>
  entry > 0 ? purity > u : entry < 0 && purity < u;

/** The gradients, summed over tasks, of what the sign vote keeps at each parameter. */
export function dropConflicts(
  rows: GradientRows['shared'],
  uniform: (parameter: number) => number,
  { leak, eps }: Options,
): Float64Array {
  const size = rows[0]?.length ?? 0;
  const direction = new Float64Array(size);
  const entries = new Float64Array(rows.length);
  for (let p = 0; p < size; p++) {
    for (let k = 0; k < rows.length; k++) entries[k] = rows[k]?.[p] ?? 0;
    const purity = signPurity(entries, eps);
    const u = uniform(p);
    let sum = 0;
    for (const x of entries) sum += isKept(x, purity, u) ? x : leak * x;
    direction[p] = sum;
  }
  return direction;
}

/** Gradient sign dropout over the shared parameters; the direction is the sum of what is kept. */
export const graddrop: WeightingMethod = {
  name: 'graddrop',
  summary: 'at each parameter keeps the gradients of one sign, drawn by their share',
  source: 'Chen et al. 2020, Just pick a sign',
  cost: 'F + G',
  create(tasks, given) {
    const options = parseOptions('graddrop', schema, given);
    return {
      needs: new Set(['gradients']),
      scope: 'shared',
      metric: 'euclid',
      headPolicy: 'unweighted',
      headScale: 'one',
      step({ gradients, random }) {
        if (gradients?.shared.length !== tasks)
          throw invalid(`gradients: ${gradients?.shared.length ?? 'no'} rows; must be ${tasks}`);
        return {
          weights: new Float64Array(tasks).fill(1),
          direction: dropConflicts(gradients.shared, () => random.next(), options),
          diagnostics: {},
        };
      },
      save: () => ({}),
      load: () => undefined,
    };
  },
};
