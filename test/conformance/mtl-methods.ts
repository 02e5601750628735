import { seededRandom } from '../../src/core/index.ts';
import { deltaM } from '../../src/eval/index.ts';
import { createWeighting, headWeights, type Weighting } from '../../src/trainer/index.ts';
import { SOLVER_METHODS } from './solver-methods.ts';

/** Inputs of one step; each method uses some. */
export interface MtlInput {
  readonly grads?: readonly number[][];
  readonly losses?: readonly number[];
  readonly orders?: readonly number[][];
  readonly valGrad?: readonly number[];
  readonly valGradsPerTask?: readonly number[][];
  readonly baseline?: readonly number[];
  readonly method?: readonly number[];
}

export interface MtlHyper {
  readonly mainTask?: number;
  readonly reduction?: 'sum' | 'mean';
  readonly lambda?: number;
  readonly eta?: number;
  readonly normalise?: string;
  readonly ema?: number;
  readonly secondMoment?: readonly number[];
  readonly adamEps?: number;
  readonly scope?: string;
  readonly sharedCount?: number;
  readonly headPolicy?: string;
  readonly headScale?: string;
  readonly smoothing?: number;
  readonly nullTask?: boolean;
  readonly includeSelf?: boolean;
  readonly eps?: number;
  readonly alpha?: number;
  readonly updateWeightsEvery?: number;
  readonly c?: number;
  readonly rescale?: number;
  readonly scaleMode?: string;
  readonly ridge?: number;
}

type Outputs = Readonly<Record<string, unknown>>;

/** Carries out the steps of a case: a fresh instance, called once a step, in order. */
export type MtlMethod = (
  tasks: number,
  hyper: MtlHyper,
  variant: string,
) => (input: MtlInput) => Outputs;

/** Known methods that have no implementation yet. */
export const NOT_BUILT: ReadonlySet<string> = new Set([
  ...['dwa', 'uw', 'rlw', 'famo', 'gradnorm', 'graddrop', 'imtl', 'moco', 'modo', 'sdmgrad'],
  ...['gcs', 'metabalance', 'doge', 'l2rw', 'olaux', 'lookahead', 'auxilearn', 'autolambda'],
]);

const defined = (options: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** sum_k w_k g_k, with other multipliers from parameter `sharedCount` on. */
function direction(
  grads: readonly number[][],
  weights: Float64Array,
  heads = weights,
  sharedCount = Infinity,
): number[] {
  return (grads[0] ?? []).map((_, p) =>
    grads.reduce((total, g, k) => total + (p < sharedCount ? weights : heads)[k]! * g[p]!, 0),
  );
}

function lossesOnly(weighting: Weighting): (input: MtlInput) => Outputs {
  return ({ grads = [], losses = [] }) => {
    const { weights } = weighting.step({
      losses: Float64Array.from(losses),
      random: seededRandom(1),
    });
    return { weights, direction: direction(grads, weights) };
  };
}

/** What the trainer hands to VAMO, from raw gradients: inner products in scope and metric. */
function vamo(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const { secondMoment, adamEps = 0, eta = 0, sharedCount, reduction: _, ...options } = hyper;
  const weighting = createWeighting('vamo', tasks, {
    preset: 'paper',
    ...defined({ ...options, metric: secondMoment && 'adam' }),
  });
  const inScope = weighting.scope === 'shared' ? sharedCount! : Infinity;
  const inner = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((total, x, p) => {
      if (p >= inScope) return total;
      return total + (x * b[p]!) / (secondMoment ? Math.sqrt(secondMoment[p]!) + adamEps : 1);
    }, 0);
  return ({ grads = [], losses = [], valGrad, valGradsPerTask = [] }) => {
    const validation =
      valGrad ?? direction(valGradsPerTask, new Float64Array(tasks).fill(1 / tasks));
    const { weights, diagnostics } = weighting.step({
      losses: Float64Array.from(losses),
      gram: Float64Array.from(grads.flatMap((a) => grads.map((b) => inner(a, b)))),
      gains: Float64Array.from(grads, (g) => inner(validation, g)),
      validationNormSquared: inner(validation, validation),
      learningRate: eta,
      random: seededRandom(1),
    });
    const heads = headWeights(weighting, weights);
    return {
      ...diagnostics,
      marginalGains: diagnostics['gains'],
      weights,
      direction: direction(grads, weights, heads, sharedCount),
    };
  };
}

/** The built methods under the names of the reference files. */
export const METHODS: Readonly<Record<string, MtlMethod>> = {
  stl: (tasks, { mainTask }) => lossesOnly(createWeighting('stl', tasks, { mainTask })),
  ew: (tasks, { reduction }) =>
    lossesOnly(
      createWeighting('vanilla', tasks, { totalWeight: reduction === 'mean' ? 'one' : 'K' }),
    ),
  vamo,
  ...SOLVER_METHODS,
  deltam:
    () =>
    ({ baseline = [], method = [] }) => ({ deltaM: deltaM(baseline, method) }),
};
