import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { causalSelfAttention } from '../../src/engine/index.ts';
import { filled } from '../helpers/engine-cases.ts';
import { gap, runTraced } from '../helpers/engine-run.ts';

/** By its definition, the whole square with what lies ahead cut out, and differentiated by tfjs. */
function plainAttention(qkv: tf.Tensor, heads: number): tf.Tensor {
  const [batch, steps, width] = qkv.shape as [number, number, number];
  const size = width / 3 / heads;
  const [q, k, v] = tf
    .split(qkv, 3, 2)
    .map((x) => tf.transpose(tf.reshape(x, [batch, steps, heads, size]), [0, 2, 1, 3]));
  const seen = tf.tensor2d(
    Array.from({ length: steps }, (_, i) =>
      Array.from({ length: steps }, (__, j) => (j <= i ? 1 : 0)),
    ),
  );
  const scores = tf.div(tf.matMul(q!, k!, false, true), Math.sqrt(size));
  const weights = tf.mul(tf.exp(scores), seen);
  const mixed = tf.matMul(tf.div(weights, tf.sum(weights, -1, true)), v!);
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, steps, width / 3]);
}

describe('causal self-attention', () => {
  // Taken whole, whole for being odd, and in two blocks.
  it.each([5, 17, 16, 48])(
    'of %i rows is what its definition says, with its gradient',
    async (rows) => {
      const found = await runTraced({ x: filled([2, rows, 12], 1, -1, 1) }, ({ x }) => {
        const both = (attend: typeof causalSelfAttention) => {
          const loss = (y: tf.Tensor): tf.Scalar => tf.sum(tf.square(attend(y, 2)));
          return { value: attend(x!, 2), gradient: tf.grad(loss)(x!) };
        };
        const [own, plain] = [both(causalSelfAttention), both(plainAttention)];
        return {
          value: own.value,
          gradient: own.gradient,
          plainValue: plain.value,
          plainGradient: plain.gradient,
        };
      });
      const of = (name: string): ArrayLike<number> => found[name]!.data;
      expect(gap(of('value'), of('plainValue'))).toBeLessThan(1e-5);
      expect(gap(of('gradient'), of('plainGradient'))).toBeLessThan(1e-5);
    },
  );
});
