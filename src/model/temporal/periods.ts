import * as tf from '@tensorflow/tfjs-core';
import { VamoError } from '../../core/index.ts';
import type { TimesNetSettings } from '../settings.ts';

/**
 * Steps a block works on: the market's history, and one day more for `forecast`.
 * @throws VamoError CONFIG_INVALID for a spectrum of the shorter, raw series
 */
export function windowLength(
  { forecast, spectrum }: Pick<TimesNetSettings, 'forecast' | 'spectrum'>,
  history: number,
  steps: number,
): number {
  if (forecast && spectrum === 'raw')
    throw new VamoError(
      'CONFIG_INVALID',
      'model.temporal.spectrum: "raw"; must be "block" when model.temporal.forecast is on',
    );
  return forecast ? history + steps : history;
}

/**
 * The periods that can be chosen, in the order in which ties are broken: a day and its half, third,
 * quarter, sixth and eighth, and the whole window (for a window of one day its twelfth instead).
 * They divide the window, so that no cycle is padded.
 * @param length steps of the window
 * @param steps T, steps of a day
 */
export function candidatePeriods(length: number, steps: number): number[] {
  const parts = [1, 2, 3, 4, 6, 8].map((part) => steps / part);
  const last = length > steps ? length : steps / 12;
  return [...new Set([...parts, last])].filter(
    (period) => Number.isInteger(period) && length % period === 0,
  );
}

/** The k strongest candidate periods of each sample. */
export interface Selection {
  /** [B, Q] mean amplitude over channels at each candidate's frequency. */
  readonly amplitude: tf.Tensor;
  /** [B, k, Q] 1 where candidate q is the sample's j-th strongest. */
  readonly chosen: tf.Tensor;
  /** [B, k] int32, the candidates' numbers. */
  readonly index: tf.Tensor;
  /** [B, k] softmax over the chosen amplitudes. */
  readonly weights: tf.Tensor;
}

/**
 * Chooses periods by amplitude, paper eq. 12, per sample: other samples have no say. The transform
 * at the candidates' frequencies is a product with constant cosines and sines. Gradients flow
 * through the amplitudes into the weights, not through the choice.
 * @param x [B, L, C]
 * @param candidates periods, each a divisor of L; equal amplitudes go to the earlier one
 */
export function selectPeriods(x: tf.Tensor, candidates: readonly number[], k: number): Selection {
  const [samples, length] = x.shape as [number, number, number];
  const count = candidates.length;
  if (k < 1 || k > count)
    throw new VamoError(
      'CONFIG_INVALID',
      `model.temporal.periods: ${k}; must be between 1 and the ${count} candidates`,
    );
  const basis = fourierBasis(length, candidates);
  const parts = tf.square(tf.matMul(basis, x));
  const channels = x.shape[2] ?? 0;
  const power = tf.sum(tf.reshape(parts, [samples, 2, count, channels]), 1);
  // The floor keeps the root's derivative finite for a silent channel.
  const amplitude = tf.mean(tf.sqrt(tf.maximum(power, 1e-12)), 2);
  const chosen = tf.cast(
    tf.equal(
      tf.reshape(ranks(amplitude), [samples, 1, count]),
      tf.reshape(tf.range(0, k), [1, k, 1]),
    ),
    'float32',
  );
  const numbers = tf.reshape(tf.range(0, count), [1, 1, count]);
  const strongest = tf.sum(tf.mul(tf.reshape(amplitude, [samples, 1, count]), chosen), 2);
  return {
    amplitude,
    chosen,
    index: tf.cast(tf.sum(tf.mul(chosen, numbers), 2), 'int32'),
    weights: tf.softmax(strongest),
  };
}

/** Place of each value among its row's, 0 the greatest; equal ones in their order. [B, Q] */
function ranks(values: tf.Tensor): tf.Tensor {
  const [rows, count] = values.shape as [number, number];
  const own = tf.reshape(values, [rows, count, 1]);
  const other = tf.reshape(values, [rows, 1, count]);
  const earlier = Float32Array.from({ length: count * count }, (_, i) =>
    i % count < Math.floor(i / count) ? 1 : 0,
  );
  const greater = tf.cast(tf.greater(other, own), 'float32');
  const tied = tf.mul(
    tf.cast(tf.equal(other, own), 'float32'),
    tf.tensor(earlier, [1, count, count]),
  );
  return tf.sum(tf.add(greater, tied), 2);
}

/** Cosines, then sines, of every candidate's frequency: [1, 2 Q, L]. */
function fourierBasis(length: number, candidates: readonly number[]): tf.Tensor {
  const stray = candidates.find((period) => length % period !== 0);
  if (stray !== undefined)
    throw new VamoError(
      'CONFIG_INVALID',
      `model.temporal.candidates: ${stray}; must divide the window of ${length} steps`,
    );
  const waves = [Math.cos, Math.sin].flatMap((wave) =>
    candidates.flatMap((period) =>
      Array.from({ length }, (_, t) => wave((2 * Math.PI * (t % period)) / period)),
    ),
  );
  return tf.tensor(Float32Array.from(waves), [1, 2 * candidates.length, length]);
}
