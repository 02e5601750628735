import * as tf from '@tensorflow/tfjs-core';

/**
 * x W^T + b over the last axis.
 * @param x [..., in]
 * @param weight [out, in]
 * @param bias [out]
 * @returns [..., out]
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const [outputs, inputs] = weight.shape as [number, number];
  const product = tf.matMul(tf.reshape(x, [-1, inputs]), weight, false, true);
  const y = bias === undefined ? product : tf.add(product, bias);
  return tf.reshape(y, [...x.shape.slice(0, -1), outputs]);
}
