import * as tf from '@tensorflow/tfjs-core';
import { isTracing } from '../backend.ts';
import { at, gathered } from '../gradients/gradient.ts';

/** The normalised rows, and each row's mean and reciprocal standard deviation. */
type Normalised = readonly [value: tf.Tensor, mean: tf.Tensor, scale: tf.Tensor];

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

/**
 * linear(layerNorm(x, gain, shift), weight, bias), cheaper: the gain is taken into the weight and
 * the shift into the bias, so that their gradients come from matrices of the weight's size and not
 * from sums over all rows.
 * @param x [..., width]
 * @param gain [width]
 * @param shift [width]
 * @param weight [out, width]
 * @param bias [out]
 * @returns [..., out]
 */
export function normalisedLinear(
  x: tf.Tensor,
  [gain, shift]: readonly [tf.Tensor, tf.Tensor],
  [weight, bias]: readonly [tf.Tensor, tf.Tensor],
  epsilon = 1e-5,
): tf.Tensor {
  const [outputs = 1, width = 1] = weight.shape;
  return tf.customGrad((...given) => {
    const save = given.at(-1);
    if (typeof save !== 'function') throw new TypeError('normalisedLinear');
    const rows = tf.reshape(x, [-1, width]);
    const [unit, , scale] = normalised(rows, tf.ones([width]), tf.zeros([width]), epsilon);
    const scaled = tf.mul(weight, gain);
    const shifted = tf.add(
      tf.reshape(tf.matMul(weight, tf.reshape(shift, [width, 1])), [-1]),
      bias,
    );
    const value = tf.add(tf.matMul(unit, scaled, false, true), shifted);
    save([unit, scale, scaled, weight, gain, shift]);
    return {
      value: tf.reshape(value, [...x.shape.slice(0, -1), outputs]),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [dx, ...others] = linearDifferentiated(tf.reshape(dy, [-1, outputs]), saved);
        return [tf.reshape(dx, x.shape), ...others];
      },
    };
  })(x, gain, shift, weight, bias);
}

/** The result, and each row's mean and reciprocal standard deviation. */
function normalised(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor, epsilon: number): Normalised {
  if (isTracing()) {
    const inputs = { x, gain, bias };
    const outputs: tf.Tensor[] = tf.engine().runKernel('LayerNormalization', inputs, { epsilon });
    return [at(outputs, 0), at(outputs, 1), at(outputs, 2)];
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

/**
 * Gradients by x, gain, shift, weight and bias from dy [rows, out]. g - mean(g) is dy times the
 * scaled weight with its rows centred; M = dy^T u serves the weight and the gain.
 */
function linearDifferentiated(dy: tf.Tensor, saved: tf.Tensor[]): [tf.Tensor, ...tf.Tensor[]] {
  const [unit, scale, scaled] = [at(saved, 0), at(saved, 1), at(saved, 2)];
  const [weight, gain, shift] = [at(saved, 3), at(saved, 4), at(saved, 5)];
  const width = gain.size;
  const centred = tf.sub(scaled, tf.mean(scaled, 1, true));
  const straight = tf.matMul(dy, centred);
  const mean = tf.matMul(tf.mul(straight, unit), tf.fill([width, 1], 1 / width));
  const dx = tf.mul(scale, tf.sub(straight, tf.mul(unit, mean)));
  const product = tf.matMul(dy, unit, true);
  const dBias = tf.sum(dy, 0);
  const column = tf.reshape(dBias, [-1, 1]);
  return [
    dx,
    tf.sum(tf.mul(weight, product), 0),
    tf.reshape(tf.matMul(column, weight, true), [width]),
    tf.add(tf.mul(product, gain), tf.mul(column, shift)),
    dBias,
  ];
}
