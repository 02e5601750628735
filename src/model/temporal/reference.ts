import * as tf from '@tensorflow/tfjs-core';
import { gelu, layerNorm, linear } from '../../engine/index.ts';
import type { ParameterTensors } from '../tensors.ts';
import { embed, lengthened } from './embedding.ts';

/**
 * TimesNet as its authors' code computes it, for comparison only: the whole batch shares one choice
 * of periods, periods need not divide the window, kernels are not merged. Which periods are chosen
 * decides the shapes, so these functions run on an eager backend and cannot be traced.
 */
export interface ReferenceSpectrum {
  /** [L / 2 + 1] mean over samples and channels, 0 for the mean of the series. */
  readonly amplitudeOfBatch: tf.Tensor;
  /** [B, L / 2 + 1] mean over channels. */
  readonly amplitude: tf.Tensor;
  /** The k strongest frequencies of the batch, strongest first, and their periods. */
  readonly frequencies: readonly number[];
  readonly periods: readonly number[];
  /** [B, k] the samples' own amplitudes at those frequencies, and their softmax. */
  readonly logits: tf.Tensor;
  readonly weights: tf.Tensor;
}

/** @param x [B, L, C] */
export function referenceSpectrum(x: tf.Tensor, k: number): ReferenceSpectrum {
  const [samples, length, channels] = x.shape as [number, number, number];
  const count = Math.floor(length / 2) + 1;
  const waves = [Math.cos, Math.sin].flatMap((wave) =>
    Array.from({ length: count * length }, (_, i) => {
      const turns = (Math.floor(i / length) * (i % length)) % length;
      return wave((2 * Math.PI * turns) / length);
    }),
  );
  const basis = tf.tensor(Float32Array.from(waves), [1, 2 * count, length]);
  const parts = tf.reshape(tf.matMul(basis, x), [samples, 2, count, channels]);
  const amplitude = tf.mean(tf.sqrt(tf.sum(tf.square(parts), 1)), 2);
  const others = tf.slice(tf.mean(amplitude, 0), [1], [count - 1]);
  const amplitudeOfBatch = tf.concat([tf.zeros([1]), others]);
  const strength = [...amplitudeOfBatch.dataSync()];
  const frequencies = strength
    .map((_, frequency) => frequency)
    .sort((a, b) => (strength[b] ?? 0) - (strength[a] ?? 0) || a - b)
    .slice(0, k);
  const logits = tf.stack(
    frequencies.map((f) => tf.reshape(tf.slice(amplitude, [0, f], [samples, 1]), [samples])),
    1,
  );
  return {
    amplitudeOfBatch,
    amplitude,
    frequencies,
    periods: frequencies.map((f) => Math.floor(length / f)),
    logits,
    weights: tf.softmax(logits),
  };
}

/**
 * The mean of n "same" convolutions with zero padding, each computed apart.
 * @param x [B, rows, columns, in]
 * @param p `NAME.kernels.j.{weight [out, in, rows, columns], bias [out]}`
 * @returns [B, rows, columns, out]
 */
export function referenceInception(
  p: ParameterTensors,
  name: string,
  kernels: number,
  x: tf.Tensor,
): tf.Tensor {
  const [samples, rows, columns, inputs] = x.shape as [number, number, number, number];
  const each = Array.from({ length: kernels }, (_, j) => {
    const [weight, bias] = [p(`${name}.kernels.${j}.weight`), p(`${name}.kernels.${j}.bias`)];
    const [out] = weight.shape as [number, number, number, number];
    const around = tf.pad(x, [
      [0, 0],
      [j, j],
      [j, j],
      [0, 0],
    ]);
    const places = Array.from({ length: (2 * j + 1) ** 2 }, (_, i) => {
      const [row, column] = [Math.floor(i / (2 * j + 1)), i % (2 * j + 1)];
      const seen = tf.slice(around, [0, row, column, 0], [samples, rows, columns, inputs]);
      return linear(
        seen,
        tf.reshape(tf.slice(weight, [0, 0, row, column], [-1, -1, 1, 1]), [out, inputs]),
      );
    });
    return tf.add(
      places.reduce((a, b) => tf.add(a, b)),
      bias,
    );
  });
  const total = each.reduce((a, b) => tf.add(a, b));
  return tf.div(total, kernels);
}

/** @param x [B, L, C] */
export function referenceBlock(
  options: { readonly kernels: number; readonly periods: number },
  p: ParameterTensors,
  x: tf.Tensor,
): tf.Tensor {
  const [samples, length, width] = x.shape as [number, number, number];
  const { periods, weights } = referenceSpectrum(x, options.periods);
  return periods.reduce((sum: tf.Tensor, period, j) => {
    const cycles = Math.ceil(length / period);
    const padded = tf.pad(x, [
      [0, 0],
      [0, cycles * period - length],
      [0, 0],
    ]);
    const folded = tf.reshape(padded, [samples, cycles, period, width]);
    const inner = gelu(referenceInception(p, 'conv.0', options.kernels, folded));
    const outer = referenceInception(p, 'conv.2', options.kernels, inner);
    const flat = tf.reshape(outer, [samples, cycles * period, width]);
    const own = tf.slice(flat, [0, 0, 0], [samples, length, width]);
    const weight = tf.reshape(tf.slice(weights, [0, j], [samples, 1]), [samples, 1, 1]);
    return tf.add(sum, tf.mul(own, weight));
  }, x);
}

/**
 * The forecaster around the blocks: each series is standardised by its own mean and deviation,
 * embedded, lengthened by a linear map over time, passed through the blocks, each followed by the
 * one layer normalisation, projected, and given its mean and deviation back.
 * @param x [B, L, channels]
 * @returns [B, L + forecast, channels]
 */
export function referenceForecaster(
  options: {
    readonly kernels: number;
    readonly periods: number;
    readonly blocks: number;
    readonly epsilon: number;
  },
  p: ParameterTensors,
  x: tf.Tensor,
): tf.Tensor {
  const mean = tf.mean(x, 1, true);
  const centred = tf.sub(x, mean);
  const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), 1, true), options.epsilon));
  const embedded = embed(
    tf.div(centred, deviation),
    p('enc_embedding.value_embedding.tokenConv.weight'),
  );
  let y = lengthened(embedded, p('predict_linear.weight'), p('predict_linear.bias'));
  for (let i = 0; i < options.blocks; i++) {
    const block = referenceBlock(options, (name) => p(`model.${i}.${name}`), y);
    y = layerNorm(block, p('layer_norm.weight'), p('layer_norm.bias'));
  }
  const output = linear(y, p('projection.weight'), p('projection.bias'));
  return tf.add(tf.mul(output, deviation), mean);
}
