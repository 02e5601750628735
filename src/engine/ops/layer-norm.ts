import * as tf from '@tensorflow/tfjs-core';
import { isTracing } from '../backend.ts';
import { at, gathered } from '../gradients/gradient.ts';

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
  return tf.customGrad((...given) => {
    const save = given.at(-1);
    if (typeof save !== 'function') throw new TypeError('layerNorm');
    const [value, mean, scale] = normalised(x, gain, bias, epsilon);
    save([x, gain, mean, scale]);
    return { value, gradFunc: differentiated };
  })(x, gain, bias);
}

/** The result, and each row's mean and reciprocal standard deviation. */
function normalised(
  x: tf.Tensor,
  gain: tf.Tensor,
  bias: tf.Tensor,
  epsilon: number,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  if (isTracing()) {
    const inputs = { x, gain, bias };
    return tf.engine().runKernel('LayerNormalization', inputs, { epsilon });
  }
  const mean = tf.mean(x, -1, true);
  const centred = tf.sub(x, mean);
  const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
  return [tf.add(tf.mul(tf.mul(centred, scale), gain), bias), mean, scale];
}

/** With u = (x - mean) scale: dx = scale (g - mean(g) - u mean(g u)), g = dy gain. */
function differentiated(dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] {
  const [x, gain, mean, scale] = [at(saved, 0), at(saved, 1), at(saved, 2), at(saved, 3)];
  const width = gain.size;
  const unit = tf.mul(tf.sub(x, mean), scale);
  const along = tf.mul(dy, unit);
  const column = tf.reshape(tf.mul(gain, 1 / width), [width, 1]);
  // The mean over a row of something times the gain, as a product with one column.
  const weighedMean = (rows: tf.Tensor): tf.Tensor =>
    tf.reshape(tf.matMul(tf.reshape(rows, [-1, width]), column), mean.shape);
  const straight = tf.sub(tf.mul(dy, gain), weighedMean(dy));
  const dx = tf.mul(scale, tf.sub(straight, tf.mul(unit, weighedMean(along))));
  return [dx, gathered(along, gain.shape), gathered(dy, gain.shape)];
}
