import type { EvaluationDocument } from '../contracts/index.ts';

/** One training step, figures taken before its update. Lists have one entry a task. */
export interface StepRecord {
  readonly step: number;
  /** Training losses on the step's batch, nats a feature. */
  readonly losses: readonly number[];
  readonly weights: readonly number[];
  /** Entropy of the weights normalised to total 1, nats. */
  readonly entropy: number;
  readonly inverseLoss: number;
  /** Of methods that take marginal gains, in the method's scope and metric. */
  readonly gradients?: GradientFigures;
  /** What the method says of its answer, as far as it is finite; absent when that is nothing. */
  readonly diagnostics?: Diagnostics;
  /** On sampled steps only. */
  readonly validationChange?: ValidationChange;
}

/** Change of the mean loss on one validation batch over a step. */
export interface ValidationChange {
  /** Paper eq. 7 for the step as the optimiser scaled it, without momentum. */
  readonly predicted: number;
  /** To first order, momentum included. */
  readonly firstOrder: number;
  readonly realised: number;
}

/** The gains that a step's weights came from: its own, or kept from an earlier step. */
interface GradientFigures {
  /** Marginal gains <g_val, g_k>, paper eq. 7. */
  readonly gains: readonly number[];
  readonly validationNorm: number;
  /** Norms of the task gradients; absent where only gains were found (`gains: difference`). */
  readonly norms?: readonly number[];
  /** cos(g_val, g_k), 0 where a norm is 0; absent without norms. */
  readonly cosines?: readonly number[];
}

/** Figures of a weighting method, by name: one number, or a list. */
export type Diagnostics = Readonly<Record<string, number | readonly number[]>>;

export const SPLITS = ['train', 'validation', 'test'] as const;
export type Split = (typeof SPLITS)[number];

/** Likelihood losses per task over the splits (see `splitLosses`), at the parameters after `step` updates. */
export interface LossRecord {
  readonly step: number;
  readonly losses: Readonly<Record<Split, readonly number[]>>;
  readonly inverse: Readonly<Record<Split, number>>;
}

/** Everything a report of a run shows. Plain JSON; no times, no paths. */
export interface RunRecord {
  readonly schema: 'run/v1';
  readonly method: string;
  readonly tasks: readonly string[];
  readonly seed: number;
  /** Version this run was fine-tuned from; null = cold start. */
  readonly parent: string | null;
  /** Updates made. */
  readonly steps: number;
  readonly learningRate: number;
  readonly batch: number;
  /** Trainable parameters, generator and inverse dynamics together. */
  readonly parameterCount: number;
  readonly days: Readonly<Record<Split, readonly string[]>>;
  /** Trajectories per task. */
  readonly trajectories: Readonly<Record<Split, readonly number[]>>;
  readonly history: readonly StepRecord[];
  readonly evaluations: readonly LossRecord[];
  /** Replay of the test day beside the anchors; null before it is done. */
  readonly replay: EvaluationDocument | null;
}
