import * as tf from '@tensorflow/tfjs-core';

/**
 * Layer normalisation over the last axis with the biased variance:
 * gain (x - mean) / sqrt(variance + epsilon) + bias.
 * @param x [..., width]
 * @param gain [width]
 * @param bias [width]
 */
export function layerNorm(
  x: tf.Tensor,
  gain: tf.Tensor,
  bias: tf.Tensor,
  epsilon = 1e-5,
): tf.Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  const normalised = tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)));
  return tf.add(tf.mul(normalised, gain), bias);
}
