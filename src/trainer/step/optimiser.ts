import * as tf from '@tensorflow/tfjs-core';

/** The `training.optimiser` part of the configuration. */
export interface OptimiserSettings {
  readonly kind: 'adam' | 'sgd';
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Steps over which the rate rises linearly to its value. */
  readonly warmupSteps: number;
  /** The rates fall linearly to 0 at this step; absent = they stay. */
  readonly decaySteps?: number | undefined;
  /** Largest norm of the combined gradient; 0 = no clipping. */
  readonly clipNorm: number;
}

/** A flat vector of parameters with Adam's moments (absent for SGD). */
export interface Moments {
  readonly value: tf.Tensor;
  readonly mean?: tf.Tensor | undefined;
  readonly square?: tf.Tensor | undefined;
}

/** Scalars of one update that change from step to step. */
export interface Rates {
  readonly learningRate: tf.Tensor;
  /** 1 - beta1^t and 1 - beta2^t. */
  readonly meanCorrection: tf.Tensor;
  readonly squareCorrection: tf.Tensor;
}

/** Share of the full rate left at update `step` (from 0). */
export function decayAt({ decaySteps }: OptimiserSettings, step: number): number {
  return decaySteps === undefined ? 1 : Math.max(0, 1 - step / decaySteps);
}

/** The learning rate of update `step` (from 0): warm-up, then constant or falling. */
export function learningRateAt(settings: OptimiserSettings, step: number): number {
  const warm = Math.min(1, (step + 1) / Math.max(1, settings.warmupSteps));
  return settings.learningRate * warm * decayAt(settings, step);
}

/** Bias corrections of update `step` (from 0), in float64: 1 - beta^(step + 1). */
export function corrections(settings: OptimiserSettings, step: number): [number, number] {
  return [1 - settings.beta1 ** (step + 1), 1 - settings.beta2 ** (step + 1)];
}

/** Scales a gradient down to at most `clipNorm`. */
export function clip(gradient: tf.Tensor, clipNorm: number): tf.Tensor {
  if (clipNorm === 0) return gradient;
  const norm = tf.sqrt(tf.sum(tf.square(gradient)));
  // No division: 0/0 at a zero gradient would be NaN.
  return tf.mul(gradient, tf.div(clipNorm, tf.maximum(norm, clipNorm)));
}

/** One update of Adam with bias correction, or of plain SGD when there are no moments. */
export function update(
  settings: Pick<OptimiserSettings, 'beta1' | 'beta2' | 'epsilon'>,
  { value, mean, square }: Moments,
  gradient: tf.Tensor,
  rates: Rates,
): Moments {
  if (!mean || !square) return { value: tf.sub(value, tf.mul(gradient, rates.learningRate)) };
  const { beta1, beta2, epsilon } = settings;
  const nextMean = tf.add(tf.mul(mean, beta1), tf.mul(gradient, 1 - beta1));
  const nextSquare = tf.add(tf.mul(square, beta2), tf.mul(tf.square(gradient), 1 - beta2));
  const root = tf.add(tf.sqrt(tf.div(nextSquare, rates.squareCorrection)), epsilon);
  const rate = tf.div(rates.learningRate, rates.meanCorrection);
  return {
    value: tf.sub(value, tf.mul(tf.div(nextMean, root), rate)),
    mean: nextMean,
    square: nextSquare,
  };
}
