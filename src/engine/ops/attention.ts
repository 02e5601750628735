import * as tf from '@tensorflow/tfjs-core';
import { at } from '../gradients/gradient.ts';

/** Queries, keys and values, each [batch, heads, steps, size of a head]. */
type Parts = readonly [q: tf.Tensor, k: tf.Tensor, v: tf.Tensor];

/**
 * Multi-head self-attention in which a row sees itself and earlier rows only:
 * softmax(Q K^T / sqrt(width / heads) + causal mask) V, heads side by side in the output.
 * @param qkv [batch, steps, 3 width]: all queries, all keys, all values; heads contiguous in each
 * @returns [batch, steps, width], before the output projection
 */
export function causalSelfAttention(qkv: tf.Tensor, heads: number): tf.Tensor {
  return tf.customGrad((packed, save) => {
    if (!(packed instanceof tf.Tensor) || typeof save !== 'function') throw new TypeError('qkv');
    const [batch, steps, width] = packed.shape as [number, number, number];
    const size = width / 3 / heads;
    const split = tf.reshape(packed, [batch, steps, 3, heads, size]);
    const parts = tf.unstack(tf.transpose(split, [2, 0, 3, 1, 4]), 0);
    const [q, k, v] = [at(parts, 0), at(parts, 1), at(parts, 2)];
    const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(size));
    const attention = tf.softmax(tf.add(scores, causalMask(steps)));
    const mixed = tf.matMul(attention, v);
    save([q, k, v, attention, mixed]);
    return {
      value: tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, steps, width / 3]),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) =>
        tf.reshape(
          differentiated(
            dy,
            [at(saved, 0), at(saved, 1), at(saved, 2)],
            at(saved, 3),
            at(saved, 4),
          ),
          [batch, steps, width],
        ),
    };
  })(qkv);
}

/**
 * With A = attention, O = A V: dV = A^T dO; dS = A (dO V^T - r), where r, the sum over a row of
 * A dA, is the sum over a row of O dO, which is narrower (FlashAttention, Dao et al. 2022, B.2).
 * dV is computed transposed: the narrow factor is the one to be turned, and A, long out of the
 * processor's caches, is read row by row and not column by column.
 */
function differentiated(
  dy: tf.Tensor,
  [q, k, v]: Parts,
  attention: tf.Tensor,
  mixed: tf.Tensor,
): tf.Tensor {
  const [batch, heads, steps, size] = q.shape as [number, number, number, number];
  const scale = 1 / Math.sqrt(size);
  const dMixed = tf.transpose(tf.reshape(dy, [batch, steps, heads, size]), [0, 2, 1, 3]);
  const row = tf.sum(tf.mul(dMixed, mixed), -1, true);
  const dScores = tf.mul(attention, tf.sub(tf.matMul(dMixed, v, false, true), row));
  const dq = tf.mul(tf.matMul(dScores, k), scale);
  const dk = tf.mul(tf.matMul(dScores, q, true), scale);
  const dv = tf.transpose(tf.matMul(dMixed, attention, true), [0, 1, 3, 2]);
  return tf.transpose(tf.stack([dq, dk, dv]), [1, 3, 0, 2, 4]);
}

/** 0 on and below the diagonal, -1e9 above: [steps, steps]. */
function causalMask(steps: number): tf.Tensor2D {
  const values = new Float32Array(steps * steps);
  for (let row = 0; row < steps; row++) values.fill(-1e9, row * steps + row + 1, (row + 1) * steps);
  return tf.tensor2d(values, [steps, steps]);
}
