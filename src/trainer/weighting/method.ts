import type { Random } from '../../core/index.ts';

/** What a method looks at; the trainer computes only that. */
type Need = 'losses' | 'gram' | 'validation';

/** One step's view of the tasks: losses and inner products, never parameters. All float64. */
export interface WeightingInput {
  /** K training losses before the update. */
  readonly losses: Float64Array;
  /** K x K Gram matrix of the task gradients in the method's scope and metric (needs `gram`), row-major. */
  readonly gram?: Float64Array;
  /** <g_val, g_k>, K marginal gains (needs `validation`). */
  readonly gains?: Float64Array;
  /** ||g_val||^2 in the same scope and metric (needs `validation`). */
  readonly validationNormSquared?: number;
  /** Tasks with no sample in this batch get weight 0; null = all present. */
  readonly present?: readonly boolean[];
  /** eta of the step about to be made, for the predicted validation change (paper eq. 7). */
  readonly learningRate?: number;
  readonly random: Random;
}

export interface WeightingOutput {
  /** K multipliers of the raw task gradients: direction = sum_k weights_k g_k. */
  readonly weights: Float64Array;
  /** Figures for the log and the report: gains, score, entropy, ... */
  readonly diagnostics: Readonly<Record<string, number | readonly number[]>>;
}

/** Plain JSON, kept in the checkpoint. */
export type WeightingState = Readonly<Record<string, unknown>>;

/** A weighting method in operation: pure arithmetic on tiny matrices, with its own small state. */
export interface Weighting {
  readonly needs: ReadonlySet<Need>;
  /** Which parameters' gradients enter gram and gains. */
  readonly scope: 'all' | 'shared';
  /** Inner product: plain, or preconditioned by Adam's second moment before this step. */
  readonly metric: 'euclid' | 'adam';
  /** `weighted`: heads get w_k grad L_k; `unweighted`: heads get grad L_k times `headScale`. */
  readonly headPolicy: 'weighted' | 'unweighted';
  /** Multiplier of unweighted heads: `one` = 1, `mean` = 1/K, the scale of Vanilla. */
  readonly headScale: 'one' | 'mean';
  step(input: WeightingInput): WeightingOutput;
  save(): WeightingState;
  load(state: WeightingState): void;
}

/** A registered method: parses its options (naming the bad one) and makes an instance for K tasks. */
export interface WeightingMethod {
  readonly name: string;
  create(tasks: number, options: Readonly<Record<string, unknown>>): Weighting;
}
