import type { Random } from '../../core/index.ts';

/**
 * What a method looks at before it answers; the learner computes that and nothing else. A method
 * that needs nothing costs one forward and one backward pass: its whole step is one graph.
 *
 * - `losses`: this batch's losses (one more forward pass)
 * - `gram`: inner products of the task gradients
 * - `norms`: lengths of the whole task gradients, whatever the scope and metric
 * - `validation`: inner products with the gradient on the held-out day
 * - `gradients`: the task gradients themselves; such a method may answer with a `direction`
 * - `crossGram`: inner products between task gradients of two further batches
 * - `newLosses`: this batch's losses after the update, told to `observe` (one more forward pass)
 * - `virtualStep`: gains against the validation gradient at theta - eta sum_k current_k g_k, eta from
 *   `virtualRate`
 * - `hypergradient`: gains against the Neumann series of that gradient (second order)
 * - `lookahead`: validation losses after a step along each task's gradient alone
 */
export const NEEDS = [
  'losses',
  'gram',
  'norms',
  'validation',
  'gradients',
  'crossGram',
  'newLosses',
  'virtualStep',
  'hypergradient',
  'lookahead',
] as const;
export type Need = (typeof NEEDS)[number];

/** The task gradients as rows: shared parameters first, then the task's own head. */
export interface GradientRows {
  /** K vectors over the shared parameters. */
  readonly shared: readonly (Float32Array | Float64Array)[];
  /** Sizes of the tensors that the shared vector is made of, in order. */
  readonly tensorSizes: readonly number[];
}

/** Validation losses per task: now, and after a step along task i's gradient alone (row i). */
export interface Lookahead {
  readonly before: Float64Array;
  /** K x K, row-major: row = the task stepped on, column = the task measured. */
  readonly after: Float64Array;
}

/** One step's view of the tasks: losses and inner products, never parameters. All float64. */
export interface WeightingInput {
  /** K training losses before the update (needs `losses`). */
  readonly losses?: Float64Array;
  /** K x K Gram matrix of the task gradients in the method's scope and metric, row-major. */
  readonly gram?: Float64Array;
  /** ||g_k|| over all parameters, head included, in the plain inner product: K numbers. */
  readonly norms?: Float64Array;
  /** <g_val, g_k>, K marginal gains. */
  readonly gains?: Float64Array;
  /** ||g_val||^2 in the same scope and metric. */
  readonly validationNormSquared?: number;
  readonly gradients?: GradientRows;
  /** K x K: <g_j of the second batch, g_k of the third>, row-major. */
  readonly crossGram?: Float64Array;
  /** <g_val(theta - eta sum_k current_k g_k), g_k>, K numbers. */
  readonly virtualGains?: Float64Array;
  /** <sum_{i=0..J} (I - r H)^i g_val, g_k>, K numbers; H of sum_k current_k L_k, r and J from `neumann`. */
  readonly hyperGains?: Float64Array;
  readonly lookahead?: Lookahead;
  /** Tasks with no sample in this batch get weight 0; absent = all present. */
  readonly present?: readonly boolean[];
  /** What each task's losses stay above, for methods with `positiveLosses` (see `createLossFloor`). */
  readonly lossFloor?: Float64Array;
  /** Passes over the training data made so far, whole ones. */
  readonly epoch?: number;
  /** eta of the step about to be made, for the predicted validation change (paper eq. 7). */
  readonly learningRate?: number;
  readonly random: Random;
}

export interface WeightingOutput {
  /** K multipliers of the raw task gradients: direction = sum_k weights_k g_k. */
  readonly weights: Float64Array;
  /** Instead of that sum, over the shared parameters (only methods that need `gradients`). */
  readonly direction?: Float32Array | Float64Array;
  /** Figures for the log and the report: gains, score, entropy, ... */
  readonly diagnostics: Readonly<Record<string, number | readonly number[]>>;
}

/** What the step turned out to be, told after the update. */
export interface StepOutcome {
  /** K training losses of the step's batch before the update. */
  readonly losses: Float64Array;
  /** The same batch's losses after it (needs `newLosses`). */
  readonly newLosses?: Float64Array;
  readonly epoch?: number;
  /** As in the step before. */
  readonly present?: readonly boolean[];
  readonly lossFloor?: Float64Array;
}

/** Plain JSON without NaN and infinities, kept in the checkpoint. */
export type WeightingState = Readonly<Record<string, unknown>>;

/** A weighting method in operation: pure arithmetic on tiny matrices, with its own small state. */
export interface Weighting {
  /** Of its method; `createWeighting` sets it. */
  readonly name?: string;
  readonly needs: ReadonlySet<Need>;
  /** Which parameters' gradients enter gram and gains. */
  readonly scope: 'all' | 'shared';
  /** Inner product: plain, or preconditioned by Adam's second moment before this step. */
  readonly metric: 'euclid' | 'adam';
  /** `weighted`: heads get w_k grad L_k; `unweighted`: heads get `heads`_k grad L_k times `headScale`. */
  readonly headPolicy: 'weighted' | 'unweighted';
  /** Multiplier of unweighted heads: `one` = 1, `mean` = 1/K, the scale of Vanilla. */
  readonly headScale: 'one' | 'mean';
  /** The validation gradient is computed anew every so many steps and kept between (default 1). */
  readonly validationEvery?: number;
  /** Whose gradient the validation gradient is: the held-out day's (default) or the batch's own. */
  readonly validationSignal?: 'heldout' | 'train';
  /** Weights of the virtual step or of the loss whose Hessian is taken (`virtualStep`, `hypergradient`). */
  current?(): Float64Array;
  /** eta of the virtual step (needs `virtualStep`); absent = the learning rate of the step. */
  readonly virtualRate?: number;
  /** Rate r and last power J of the Neumann series (needs `hypergradient`); J = 0 gives g_val itself. */
  readonly neumann?: { readonly rate: number; readonly terms: number };
  /** Multipliers of unweighted heads' gradients before `headScale`; absent = ones. */
  heads?(): Float64Array;
  /** The method divides by losses or takes their logarithm: it is told a floor that they stay above. */
  readonly positiveLosses?: boolean;
  /** The weights of the step about to be made. */
  step(input: WeightingInput): WeightingOutput;
  /**
   * Options of every method that an option of its own does not go with, each with the reason; their
   * defaults are let pass.
   */
  readonly excludes?: Readonly<Partial<Record<'totalWeight' | 'headPolicy', string>>>;
  /** Told once after each update, for methods that learn from what came of it. */
  observe?(outcome: StepOutcome): void;
  save(): WeightingState;
  load(state: WeightingState): void;
}

/** A registered method: parses its options (naming the bad one) and makes an instance for K tasks. */
export interface WeightingMethod {
  readonly name: string;
  /** One line: what it does. */
  readonly summary: string;
  /** Authors, year, title or venue; where its formulas are from. */
  readonly source: string;
  /**
   * Passes of a step: F = forward, B = backward over a batch, G = the K task gradients of a batch.
   * A row belongs to one task, so G costs about one B here and K B where each loss is passed back.
   */
  readonly cost: string;
  /** Names of its own options, for a method from a file: with them an unknown one is refused. */
  readonly options?: readonly string[] | undefined;
  create(tasks: number, options: Readonly<Record<string, unknown>>): Weighting;
}
