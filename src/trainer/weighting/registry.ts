import { aligned } from './aligned.ts';
import { autolambda } from './autolambda.ts';
import { auxilearn } from './auxilearn.ts';
import { cagrad } from './cagrad.ts';
import { createGoverned } from './common-options.ts';
import { doge } from './doge.ts';
import { dwa } from './dwa.ts';
import { fairgrad } from './fairgrad.ts';
import { famo } from './famo.ts';
import { fixed } from './fixed.ts';
import { gcs } from './gcs.ts';
import { graddrop } from './graddrop.ts';
import { gradmatch } from './gradmatch.ts';
import { gradnorm } from './gradnorm.ts';
import { imtl } from './imtl.ts';
import { imtlg } from './imtlg.ts';
import { imtll } from './imtll.ts';
import { l2rw } from './l2rw.ts';
import { lookahead } from './lookahead.ts';
import { metabalance } from './metabalance.ts';
import type { Weighting, WeightingMethod } from './method.ts';
import { mgda } from './mgda.ts';
import { moco } from './moco.ts';
import { modo } from './modo.ts';
import { nashmtl } from './nashmtl.ts';
import { olaux } from './olaux.ts';
import { invalid } from './options.ts';
import { pcgrad } from './pcgrad.ts';
import { rlw } from './rlw.ts';
import { sdmgrad } from './sdmgrad.ts';
import { stl } from './stl.ts';
import { uw } from './uw.ts';
import { vamo } from './vamo.ts';
import { vanilla } from './vanilla.ts';

/** Losses alone, then the training gradients, then the held-out day's. */
const METHODS: readonly WeightingMethod[] = [
  ...[stl, vanilla, fixed, dwa, uw, rlw, famo, imtll],
  ...[pcgrad, mgda, cagrad, fairgrad, nashmtl, imtlg, imtl, aligned],
  ...[gradnorm, graddrop, moco, modo, sdmgrad, metabalance],
  ...[vamo, gcs, olaux, l2rw, doge, gradmatch, lookahead, auxilearn, autolambda],
];

/** Every method by name. Adding one: a file here and an entry in this list. */
export const weightingMethods: ReadonlyMap<string, WeightingMethod> = new Map(
  METHODS.map((method) => [method.name, method]),
);

/**
 * A method in operation for K tasks, under the options that all methods have.
 * @param method the name of a registered method, or a method of one's own
 * @throws VamoError WEIGHTING_INVALID for an unknown name (the known ones are listed) or a bad option.
 */
export function createWeighting(
  method: string | WeightingMethod,
  tasks: number,
  options: Readonly<Record<string, unknown>> = {},
): Weighting {
  if (typeof method !== 'string') return createGoverned(method, tasks, options);
  const found = weightingMethods.get(method);
  if (found === undefined)
    throw invalid(
      `weighting "${method}": unknown; known are ${[...weightingMethods.keys()].join(', ')}`,
    );
  return createGoverned(found, tasks, options);
}

/** The K multipliers of the heads' gradients, beside `weights` for the shared parameters. */
export function headWeights(
  weighting: Pick<Weighting, 'headPolicy' | 'headScale' | 'heads'>,
  weights: Float64Array,
): Float64Array {
  const { headPolicy, headScale } = weighting;
  if (headPolicy === 'weighted') return weights;
  const scale = headScale === 'mean' ? 1 / weights.length : 1;
  return (weighting.heads?.() ?? new Float64Array(weights.length).fill(1)).map((x) => x * scale);
}
