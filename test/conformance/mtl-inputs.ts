import { type Random, seededRandom } from '../../src/core/index.ts';
import type { Weighting } from '../../src/trainer/index.ts';

type Rows = readonly (readonly number[])[];

/** Inputs of one step; each method uses some. */
export interface MtlInput {
  readonly grads?: Rows;
  readonly losses?: readonly number[];
  readonly newLosses?: readonly number[];
  readonly valGrad?: readonly number[];
  readonly valGradsPerTask?: Rows;
  readonly baseline?: readonly number[];
  readonly method?: readonly number[];
  readonly orders?: Rows;
  readonly z?: readonly number[];
  readonly u?: readonly number[];
  readonly rep?: Rows;
  readonly repGrads?: readonly Rows[];
  readonly epoch?: number;
  readonly epochMeanLossAfter?: readonly number[];
  readonly firstEpochMeanLosses?: readonly number[];
  readonly gradsA?: Rows;
  readonly gradsB?: Rows;
  readonly gradsC?: Rows;
  readonly gradsZeta?: Rows;
  readonly gradsXi1?: Rows;
  readonly gradsXi2?: Rows;
  readonly valLossBefore?: readonly number[];
  readonly valLossAfter?: Rows;
  readonly taskGrads?: Rows;
  readonly trainHessian?: Rows;
  readonly valGradAfterVirtualStep?: readonly number[];
}

/** Hyperparameters of a case, under the reference files' names. */
export interface MtlHyper {
  readonly includeSelf?: boolean;
  readonly eps?: number;
  readonly reduction?: 'sum' | 'mean';
  readonly [name: string]: unknown;
}

export type Outputs = Readonly<Record<string, unknown>>;

/** Carries out the steps of a case: a fresh instance, called once a step, in order. */
export type MtlMethod = (
  tasks: number,
  hyper: MtlHyper,
  variant: string,
) => (input: MtlInput) => Outputs;

/** For methods that draw nothing. */
export const noRandom: Random = seededRandom(1);

export const floats = (x: readonly number[] = []): Float64Array => Float64Array.from(x);

/** The options that are given, under other names where those differ. */
export function renamed(
  hyper: MtlHyper,
  names: Readonly<Record<string, string>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(names).flatMap(([from, to]) =>
      hyper[from] === undefined ? [] : [[to, hyper[from]]],
    ),
  );
}

const OPTIMISER = {
  optimizer: 'optimizer',
  lr: 'lr',
  weightDecay: 'weightDecay',
  beta1: 'beta1',
  beta2: 'beta2',
};

/** The optimiser of a method's own parameters, from its flat or nested names. */
export function optimiserOf(hyper: MtlHyper, epsName = 'eps'): Record<string, unknown> {
  const adam = (hyper['adam'] ?? {}) as Record<string, unknown>;
  return {
    ...renamed(hyper, OPTIMISER),
    ...renamed(adam, { beta1: 'beta1', beta2: 'beta2', eps: 'adamEps' }),
    ...renamed(hyper, { [epsName]: 'adamEps' }),
  };
}

export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, x, p) => total + x * b[p]!, 0);

/** <a_j, b_k>, row-major. */
export const products = (a: Rows, b: Rows): Float64Array =>
  floats(a.flatMap((x) => b.map((y) => dot(x, y))));

/** sum_k w_k g_k, with other multipliers from parameter `sharedCount` on. */
export function direction(
  grads: Rows,
  weights: Float64Array,
  heads = weights,
  sharedCount = Infinity,
): number[] {
  return (grads[0] ?? []).map((_, p) =>
    grads.reduce((total, g, k) => total + (p < sharedCount ? weights : heads)[k]! * g[p]!, 0),
  );
}

/** The method's own state, from inside what a checkpoint keeps. */
export const stateOf = (weighting: Weighting): Record<string, unknown> =>
  weighting.save()['state'] as Record<string, unknown>;

/** Both where gradients are given, weights alone where not. */
export const weighted = (grads: Rows | undefined, weights: Float64Array): Outputs => ({
  weights,
  ...(grads && { direction: direction(grads, weights) }),
});
