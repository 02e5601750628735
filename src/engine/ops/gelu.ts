import * as tf from '@tensorflow/tfjs-core';
import { at } from '../gradients/gradient.ts';

/** ln(1 / sqrt(pi)), inside the exponential: one pass over the elements fewer. */
const LOG_SCALE = -0.5 * Math.log(Math.PI);

/**
 * x Phi(x) with the exact error function, element by element. The derivative Phi(x) + x phi(x) is
 * written with z = x / sqrt(2): x phi(x) = z exp(-z^2) / sqrt(pi).
 */
export function gelu(x: tf.Tensor): tf.Tensor {
  return tf.customGrad((input, save) => {
    if (!(input instanceof tf.Tensor) || typeof save !== 'function') throw new TypeError('gelu');
    const z = tf.mul(input, Math.SQRT1_2);
    const phi = tf.add(tf.mul(tf.erf(z), 0.5), 0.5);
    save([z, phi]);
    return {
      value: tf.mul(input, phi),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [argument, share] = [at(saved, 0), at(saved, 1)];
        const bell = tf.exp(tf.sub(LOG_SCALE, tf.square(argument)));
        return tf.mul(dy, tf.add(share, tf.mul(argument, bell)));
      },
    };
  })(x);
}
