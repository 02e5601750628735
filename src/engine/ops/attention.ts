import * as tf from '@tensorflow/tfjs-core';
import { at } from '../gradients/gradient.ts';

/** What one block of rows looks at: its queries, and every key and value up to its last row. */
interface Block {
  /** [batch, heads, rows, size of a head] */
  readonly q: tf.Tensor;
  /** [batch, heads, keys, size of a head] */
  readonly k: tf.Tensor;
  /** As k. */
  readonly v: tf.Tensor;
  /** softmax(Q K^T), [batch, heads, rows, keys] */
  readonly attention: tf.Tensor;
  /** attention V, as q. */
  readonly mixed: tf.Tensor;
}

/**
 * Multi-head self-attention in which a row sees itself and earlier rows only:
 * softmax(Q K^T / sqrt(width / heads) + causal mask) V, heads side by side in the output.
 * Rows are taken in blocks, so that most of what the mask would hide is not computed at all.
 * @param qkv [batch, steps, 3 width]: all queries, all keys, all values; heads contiguous in each
 * @returns [batch, steps, width], before the output projection
 */
export function causalSelfAttention(qkv: tf.Tensor, heads: number): tf.Tensor {
  return tf.customGrad((packed, save) => {
    if (!(packed instanceof tf.Tensor) || typeof save !== 'function') throw new TypeError('qkv');
    const [batch, steps, width] = packed.shape as [number, number, number];
    const [size, count] = [width / 3 / heads, blocksOf(steps)];
    const rows = steps / count;
    const apart = tf.transpose(
      tf.reshape(packed, [batch, count, rows, 3, heads, size]),
      [3, 1, 0, 4, 2, 5],
    );
    const parts = tf.unstack(tf.reshape(apart, [3 * count, batch, heads, rows, size]));
    const [k, v] = [parts.slice(count, 2 * count), parts.slice(2 * count)];
    const blocks = parts
      .slice(0, count)
      .map((q, i) => attended(q, joined(k.slice(0, i + 1), 2), joined(v.slice(0, i + 1), 2)));
    save(blocks.flatMap((b) => [b.q, b.k, b.v, b.attention, b.mixed]));
    const mixed = tf.transpose(tf.stack(blocks.map((b) => b.mixed)), [1, 0, 3, 2, 4]);
    return {
      value: tf.reshape(mixed, [batch, steps, width / 3]),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const rowsOfDy = tf.reshape(dy, [batch, count, rows, heads, size]);
        const dMixed = tf.unstack(tf.transpose(rowsOfDy, [1, 0, 3, 2, 4]));
        const grads = dMixed.map((d, i) => differentiated(d, blockOf(saved, i)));
        const dk = summed(grads.map((g) => g.dk));
        const dv = summed(grads.map((g) => g.dv));
        const all = tf.stack([...grads.map((g) => g.dq), ...dk, ...dv]);
        const dApart = tf.reshape(all, [3, count, batch, heads, rows, size]);
        return tf.reshape(tf.transpose(dApart, [2, 1, 4, 0, 3, 5]), [batch, steps, width]);
      },
    };
  })(qkv);
}

/**
 * Blocks of rows of a day. Two compute three quarters of the square; more would save up to a half,
 * and lose it again in cutting and joining. Short days are left whole.
 */
function blocksOf(steps: number): number {
  return steps >= 16 && steps % 2 === 0 ? 2 : 1;
}

function attended(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): Block {
  const [rows, size] = q.shape.slice(-2) as [number, number];
  const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(size));
  const attention = tf.softmax(tf.add(scores, causalMask(rows, k.shape[2] ?? rows)));
  return { q, k, v, attention, mixed: tf.matMul(attention, v) };
}

function blockOf(saved: readonly tf.Tensor[], index: number): Block {
  const of = (place: number): tf.Tensor => at(saved, 5 * index + place);
  return { q: of(0), k: of(1), v: of(2), attention: of(3), mixed: of(4) };
}

/**
 * With A = attention, O = A V: dV = A^T dO; dS = A (dO V^T - r), where r, the sum over a row of
 * A dA, is the sum over a row of O dO, which is narrower (FlashAttention, Dao et al. 2022, B.2).
 */
function differentiated(
  dMixed: tf.Tensor,
  { q, k, v, attention, mixed }: Block,
): { readonly dq: tf.Tensor; readonly dk: tf.Tensor; readonly dv: tf.Tensor } {
  const scale = 1 / Math.sqrt(q.shape.at(-1) ?? 1);
  const row = tf.sum(tf.mul(dMixed, mixed), -1, true);
  const dScores = tf.mul(attention, tf.sub(tf.matMul(dMixed, v, false, true), row));
  return {
    dq: tf.mul(tf.matMul(dScores, k), scale),
    dk: tf.mul(tf.matMul(dScores, q, true), scale),
    dv: tf.matMul(attention, dMixed, true),
  };
}

/**
 * Gradients of each block's keys: block i of rows has some for key blocks 0..i.
 * @returns one sum per key block
 */
function summed(grads: readonly tf.Tensor[]): tf.Tensor[] {
  const cut = grads.map((g, i) => (i === 0 ? [g] : tf.split(g, i + 1, 2)));
  return grads.map((_, j) =>
    cut
      .slice(j)
      .map((pieces) => at(pieces, j))
      .reduce((a, b) => tf.add(a, b)),
  );
}

function joined(parts: readonly tf.Tensor[], axis: number): tf.Tensor {
  return parts.length === 1 ? at(parts, 0) : tf.concat([...parts], axis);
}

/**
 * The last `rows` rows of a causal mask over `keys` steps, 0 where a row may look, -1e9 where not:
 * [rows, keys].
 */
function causalMask(rows: number, keys: number): tf.Tensor2D {
  const values = new Float32Array(rows * keys);
  for (let row = 0; row < rows; row++)
    values.fill(-1e9, row * keys + keys - rows + row + 1, (row + 1) * keys);
  return tf.tensor2d(values, [rows, keys]);
}
