import * as tf from '@tensorflow/tfjs-core';
import { linear } from '../../engine/index.ts';
import type { ParameterTensors } from '../tensors.ts';

/**
 * A long short-term memory over market windows, one step of it a node group of the graph.
 * @param market [D, H, channels]
 * @param steps T
 * @returns [D, T, hidden], from the last T outputs
 */
export function lstm(p: ParameterTensors, market: tf.Tensor, steps: number): tf.Tensor {
  const [days, length] = market.shape as [number, number, number];
  const fromOutput = p('temporal.cell.fromOutput');
  const cells = fromOutput.shape[1] ?? 0;
  const gates = ['input', 'forget', 'candidate', 'output'];
  const bias = tf.concat(gates.map((gate) => p(`temporal.cell.bias.${gate}`)));
  const token = linear(market, p('temporal.token.weight'), p('temporal.token.bias'));
  const driven = tf.unstack(linear(token, p('temporal.cell.fromInput'), bias), 1);
  const outputs: tf.Tensor[] = [];
  let [output, cell] = [tf.zeros([days, cells]), tf.zeros([days, cells])] as tf.Tensor[];
  for (const drive of driven) {
    if (output === undefined || cell === undefined) break;
    const sums = tf.add(drive, tf.matMul(output, fromOutput, false, true));
    const [taken, kept, candidate, shown] = tf.split(sums, 4, 1);
    if (!taken || !kept || !candidate || !shown) break;
    cell = tf.add(tf.mul(tf.sigmoid(kept), cell), tf.mul(tf.sigmoid(taken), tf.tanh(candidate)));
    output = tf.mul(tf.sigmoid(shown), tf.tanh(cell));
    outputs.push(output);
  }
  const last = tf.stack(outputs.slice(length - steps), 1);
  return linear(last, p('temporal.proj.weight'), p('temporal.proj.bias'));
}
