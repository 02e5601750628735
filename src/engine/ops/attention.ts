import * as tf from '@tensorflow/tfjs-core';

/**
 * Multi-head self-attention in which a row sees itself and earlier rows only:
 * softmax(Q K^T / sqrt(width / heads) + causal mask) V, heads side by side in the output.
 * @param qkv [batch, steps, 3 width]: all queries, all keys, all values; heads contiguous in each
 * @returns [batch, steps, width], before the output projection
 */
export function causalSelfAttention(qkv: tf.Tensor, heads: number): tf.Tensor {
  const [batch, steps, packed] = qkv.shape as [number, number, number];
  const size = packed / 3 / heads;
  const parts = tf.transpose(tf.reshape(qkv, [batch, steps, 3, heads, size]), [2, 0, 3, 1, 4]);
  const [q, k, v] = tf.unstack(parts, 0) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(size));
  const attention = tf.softmax(tf.add(scores, causalMask(steps)));
  const mixed = tf.transpose(tf.matMul(attention, v), [0, 2, 1, 3]);
  return tf.reshape(mixed, [batch, steps, packed / 3]);
}

/** 0 on and below the diagonal, -1e9 above: [steps, steps]. */
function causalMask(steps: number): tf.Tensor2D {
  const values = new Float32Array(steps * steps);
  for (let row = 0; row < steps; row++) values.fill(-1e9, row * steps + row + 1, (row + 1) * steps);
  return tf.tensor2d(values, [steps, steps]);
}
