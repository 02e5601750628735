import * as tf from '@tensorflow/tfjs-core';
import type { ModelIo, ModelSettings } from '../settings.ts';
import type { ParameterTensors } from '../tensors.ts';
import { lstm } from './lstm.ts';
import { timesNet } from './timesnet.ts';

/**
 * z of paper eq. 10 for every distinct day: what the market's days before it say about each of its
 * steps. It depends on the day alone, not on the campaign: computed once a day and gathered by row.
 * @param market [D, H, channels] standardised market series of the H steps before each day
 * @returns [D, T, hidden], or null without a temporal module (z = 0)
 */
export function temporalTable(
  { temporal }: Pick<ModelSettings, 'temporal'>,
  { steps }: Pick<ModelIo, 'steps'>,
  p: ParameterTensors,
  market: tf.Tensor,
): tf.Tensor | null {
  if (temporal === 'none') return null;
  return temporal.kind === 'timesnet'
    ? timesNet(temporal, p, market, steps)
    : lstm(p, market, steps);
}

/**
 * Each row's day out of the table, for `encode`. Its derivative is a product with the one-hot days,
 * so that rows of one day are added up in a fixed order and without a scatter.
 * @param table [D, T, hidden]
 * @param day [B] int32, index into D
 * @returns [B, T, hidden]
 */
export function rowsOfTable(table: tf.Tensor, day: tf.Tensor): tf.Tensor {
  const [days, steps, width] = table.shape as [number, number, number];
  return tf.customGrad((value, save) => {
    if (!(value instanceof tf.Tensor) || typeof save !== 'function') throw new TypeError('table');
    save([day]);
    const gradFunc = (dy: tf.Tensor, [rows]: tf.Tensor[]): tf.Tensor => {
      const isDay = tf.equal(tf.expandDims(rows ?? day, 1), tf.range(0, days, 1, 'int32'));
      const flat = tf.reshape(dy, [-1, steps * width]);
      return tf.reshape(tf.matMul(tf.cast(isDay, 'float32'), flat, true), [days, steps, width]);
    };
    return { value: tf.gather(value, day), gradFunc };
  })(table);
}
