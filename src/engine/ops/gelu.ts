import * as tf from '@tensorflow/tfjs-core';

/** x Phi(x) with the exact error function, element by element. */
export function gelu(x: tf.Tensor): tf.Tensor {
  return tf.mul(x, tf.add(tf.mul(tf.erf(tf.mul(x, Math.SQRT1_2)), 0.5), 0.5));
}
