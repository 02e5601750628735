import { aligned } from './aligned.ts';
import { cagrad } from './cagrad.ts';
import { fairgrad } from './fairgrad.ts';
import { gradmatch } from './gradmatch.ts';
import { imtlg } from './imtlg.ts';
import type { Weighting, WeightingMethod } from './method.ts';
import { mgda } from './mgda.ts';
import { nashmtl } from './nashmtl.ts';
import { invalid } from './options.ts';
import { pcgrad } from './pcgrad.ts';
import { stl } from './stl.ts';
import { vamo } from './vamo.ts';
import { vanilla } from './vanilla.ts';

/** Every method by name. Adding one: a file here and an entry in this list. */
export const weightingMethods: ReadonlyMap<string, WeightingMethod> = new Map(
  [
    ...[stl, vanilla, vamo],
    ...[aligned, cagrad, fairgrad, gradmatch, imtlg, mgda, nashmtl, pcgrad],
  ].map((method) => [method.name, method]),
);

/**
 * A method in operation for K tasks.
 * @throws VamoError WEIGHTING_INVALID for an unknown name (the known ones are listed) or a bad option.
 */
export function createWeighting(
  name: string,
  tasks: number,
  options: Readonly<Record<string, unknown>> = {},
): Weighting {
  const method = weightingMethods.get(name);
  if (method === undefined)
    throw invalid(
      `weighting "${name}": unknown; known are ${[...weightingMethods.keys()].join(', ')}`,
    );
  return method.create(tasks, options);
}

/** The K multipliers of the heads' gradients, beside `weights` for the shared parameters. */
export function headWeights(
  { headPolicy, headScale }: Pick<Weighting, 'headPolicy' | 'headScale'>,
  weights: Float64Array,
): Float64Array {
  if (headPolicy === 'weighted') return weights;
  return weights.map(() => (headScale === 'mean' ? 1 / weights.length : 1));
}
