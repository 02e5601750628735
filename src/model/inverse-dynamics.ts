import * as tf from '@tensorflow/tfjs-core';
import { gelu, linear } from '../engine/index.ts';
import type { ParameterTensors } from './tensors.ts';

/**
 * Which action leads from the present state to the next: an MLP on [s_{t-2}; s_{t-1}; s_t; s_{t+1};
 * task], zeros before the day's start.
 * @param states [B, T, S]
 * @param next [B, T, S], row t the state after step t: true in training, generated in service
 * @param task [B, K] one-hot
 * @returns ln alpha in training units, [B, T]
 */
export function inverseAction(
  p: ParameterTensors,
  states: tf.Tensor,
  next: tf.Tensor,
  task: tf.Tensor,
): tf.Tensor {
  const input = inverseInput(states, next, task);
  const layer = (x: tf.Tensor, i: number): tf.Tensor =>
    linear(x, p(`inv.${i}.weight`), p(`inv.${i}.bias`));
  return tf.squeeze(layer(gelu(layer(gelu(layer(input, 0)), 2)), 4), [-1]);
}

/** What `inverseAction` reads, [B, T, 4 S + K]. */
export function inverseInput(states: tf.Tensor, next: tf.Tensor, task: tf.Tensor): tf.Tensor {
  const [rows, steps] = states.shape as [number, number, number];
  const tasks = task.shape[1] ?? 0;
  const ofTask = tf.tile(tf.reshape(task, [rows, 1, tasks]), [1, steps, 1]);
  return tf.concat([delay(states, 2), delay(states, 1), states, next, ofTask], 2);
}

/** Rows `by` steps later, zeros in front. */
function delay(x: tf.Tensor, by: number): tf.Tensor {
  const [rows, steps, size] = x.shape as [number, number, number];
  const zeros = tf.zeros([rows, by, size]);
  return tf.concat([zeros, tf.slice(x, [0, 0, 0], [rows, steps - by, size])], 1);
}
