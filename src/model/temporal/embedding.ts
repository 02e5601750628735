import * as tf from '@tensorflow/tfjs-core';
import { linear } from '../../engine/index.ts';

/**
 * The reference's embedding: a convolution over three neighbouring steps that wraps inside the
 * window, without bias, and sinusoidal positions.
 * @param x [B, L, channels]
 * @param weight [C, channels, 3]
 * @returns [B, L, C]
 */
export function embed(x: tf.Tensor, weight: tf.Tensor): tf.Tensor {
  const [samples, length, channels] = x.shape as [number, number, number];
  const [width] = weight.shape as [number, number, number];
  const part = (from: number, count: number): tf.Tensor =>
    tf.slice(x, [0, from, 0], [samples, count, channels]);
  const before = tf.concat([part(length - 1, 1), part(0, length - 1)], 1);
  const after = tf.concat([part(1, length - 1), part(0, 1)], 1);
  const neighbours = tf.concat([before, x, after], 2);
  const kernel = tf.reshape(tf.transpose(weight, [0, 2, 1]), [width, 3 * channels]);
  return tf.add(linear(neighbours, kernel), positions(length, width));
}

/** Sines on even and cosines on odd channels, wavelengths from 2 pi to 20000 pi: [L, C]. */
export function positions(length: number, width: number): tf.Tensor {
  const values = Float32Array.from({ length: length * width }, (_, i) => {
    const channel = i % width;
    const angle = Math.floor(i / width) / 10_000 ** ((channel - (channel % 2)) / width);
    return channel % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  return tf.tensor(values, [length, width]);
}

/**
 * A longer window by one linear map over time, shared by all channels (the forecaster's).
 * @param x [B, L, C]
 * @param weight [L', L]
 * @returns [B, L', C]
 */
export function lengthened(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return tf.transpose(linear(tf.transpose(x, [0, 2, 1]), weight, bias), [0, 2, 1]);
}
