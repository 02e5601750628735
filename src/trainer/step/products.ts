import * as tf from '@tensorflow/tfjs-core';
import type { Weighting } from '../weighting/index.ts';
import type { GradientProducts } from './inner-products.ts';
import { type EngineTensors, floats } from './session.ts';
import { need, type StepDesign, type Tensors } from './tensors.ts';

/** Which inner products are wanted beside the gradients. */
export interface Look {
  readonly scope: Weighting['scope'];
  readonly metric: Weighting['metric'];
  readonly validation: 'none' | 'heldout' | 'train';
}

/** A vector over the generator in parts; heads that are missing are zero. */
export interface Vector {
  readonly shared: tf.Tensor;
  readonly heads: ReadonlyMap<number, tf.Tensor>;
}

/** Elements a partial sum runs over in float32; the partial sums are added up in float64. */
const CHUNK = 512;

/** [n] as [n / CHUNK, 1, CHUNK], zeros behind. */
function chunked(x: tf.Tensor): tf.Tensor {
  const chunks = Math.ceil(x.size / CHUNK);
  const missing = chunks * CHUNK - x.size;
  const whole = missing === 0 ? x : tf.concat([x, tf.zeros([missing])]);
  return tf.reshape(whole, [chunks, 1, CHUNK]);
}

/** Partial inner products of every pair, [chunks, n, n]; `metric` is the product's diagonal. */
function pairs(vectors: readonly tf.Tensor[], metric: tf.Tensor | null): tf.Tensor {
  const rows = tf.concat(vectors.map(chunked), 1);
  return tf.matMul(metric ? tf.mul(rows, chunked(metric)) : rows, rows, false, true);
}

/**
 * Inner products of vectors as partial sums: `products.shared` [chunks, n, n] and, with scope `all`,
 * `products.head.k` over the vectors that have a head k, in order.
 */
export function partialProducts(
  vectors: readonly Vector[],
  scope: Look['scope'],
  metric: Vector | null,
): Record<string, tf.Tensor> {
  const shared = pairs(
    vectors.map((v) => v.shared),
    metric?.shared ?? null,
  );
  const heads = new Set(scope === 'all' ? vectors.flatMap((v) => [...v.heads.keys()]) : []);
  return {
    'products.shared': shared,
    ...Object.fromEntries(
      [...heads].map((k) => {
        const own = vectors.flatMap((v) => v.heads.get(k) ?? []);
        return [`products.head.${k}`, pairs(own, metric?.heads.get(k) ?? null)];
      }),
    ),
  };
}

/**
 * The diagonal by which Adam scales a gradient, 1 / (sqrt(square / correction) + epsilon), from its
 * second moment before the step. `metricCorrection` is [1 - beta2^t, 1], and [1, 0] at the first
 * step, when there is none yet: then ones.
 */
export function metricDiagonal({ optimiser }: StepDesign, inputs: Tensors): tf.Tensor {
  const [correction, isKnown] = tf.unstack(need(inputs, 'metricCorrection')) as [
    tf.Tensor,
    tf.Tensor,
  ];
  const root = tf.sqrt(tf.div(need(inputs, 'generatorSquare'), correction));
  const scale = tf.add(tf.mul(tf.add(root, optimiser.epsilon), isKnown), tf.sub(1, isKnown));
  return tf.div(1, scale);
}

/** Adds the partial sums up, in float64. v, if there is one, is the last vector. */
export function sumProducts(
  outputs: EngineTensors,
  tasks: number,
  withValidation: boolean,
): GradientProducts {
  const n = tasks + (withValidation ? 1 : 0);
  const total = summed(floats(outputs, 'products.shared'), n);
  const gram = new Float64Array(tasks * tasks);
  const gains = new Float64Array(withValidation ? tasks : 0);
  let validationNormSquared = withValidation ? (total[n * n - 1] ?? 0) : 0;
  for (let j = 0; j < tasks; j++) {
    for (let k = 0; k < tasks; k++) gram[j * tasks + k] = total[j * n + k] ?? 0;
    if (withValidation) gains[j] = total[j * n + tasks] ?? 0;
    const head = `products.head.${j}`;
    if (!(head in outputs)) continue;
    // Task j's own gradient first, then v.
    const own = summed(floats(outputs, head), withValidation ? 2 : 1);
    gram[j * tasks + j] = (gram[j * tasks + j] ?? 0) + (own[0] ?? 0);
    if (!withValidation) continue;
    gains[j] = (gains[j] ?? 0) + (own[1] ?? 0);
    validationNormSquared += own[3] ?? 0;
  }
  return { gram, gains, validationNormSquared };
}

function summed(partial: Float32Array, n: number): Float64Array {
  const total = new Float64Array(n * n);
  partial.forEach((x, i) => (total[i % (n * n)] = (total[i % (n * n)] ?? 0) + x));
  return total;
}
