import * as tf from '@tensorflow/tfjs-core';
import { at } from '../gradients/gradient.ts';

/** ln(2 / sqrt(pi)), inside the exponential: one pass over the elements fewer. */
const LOG_SCALE = Math.log(2) - 0.5 * Math.log(Math.PI);

/**
 * x Phi(x) with the exact error function, element by element. With z = x / sqrt(2) and
 * s = 1 + erf(z) it is z s / sqrt(2), and its derivative (s + z (2 / sqrt(pi)) exp(-z^2)) / 2. The
 * constant factors stand at the ends, where the products before and after take them in.
 */
export function gelu(x: tf.Tensor): tf.Tensor {
  return tf.customGrad((input, save) => {
    if (!(input instanceof tf.Tensor) || typeof save !== 'function') throw new TypeError('gelu');
    const z = tf.mul(input, Math.SQRT1_2);
    const share = tf.add(tf.erf(z), 1);
    save([z, share]);
    return {
      value: tf.mul(tf.mul(z, share), Math.SQRT1_2),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [argument, twice] = [at(saved, 0), at(saved, 1)];
        const bell = tf.exp(tf.sub(LOG_SCALE, tf.square(argument)));
        return tf.mul(tf.mul(dy, 0.5), tf.add(twice, tf.mul(argument, bell)));
      },
    };
  })(x);
}
