import * as tf from '@tensorflow/tfjs-core';
import { gelu, linear } from '../engine/index.ts';
import type { ParameterTensors } from './tensors.ts';

/**
 * The hidden layer of task k's generator: GELU(F1 [hidden ; e_y]), e_y = Y2 SiLU(Y1 y). The label's
 * part of F1 is applied once a trajectory, not once a step.
 * @param hidden [B, T, h] from the encoder
 * @param label [B, 1] return label y
 * @param withheld [B, 1] 1 where a learned vector stands in the label's place (guidance)
 * @returns [B, T, head width]
 */
export function headFeatures(
  p: ParameterTensors,
  task: number,
  hidden: tf.Tensor,
  label: tf.Tensor,
  withheld?: tf.Tensor,
): tf.Tensor {
  const name = `heads.${task}`;
  const [rows, steps, width] = hidden.shape as [number, number, number];
  const weight = p(`${name}.fc1.weight`);
  const [outputs, inputs] = weight.shape as [number, number];
  const raw = linear(label, p(`${name}.y1.weight`), p(`${name}.y1.bias`));
  const known = linear(tf.mul(raw, tf.sigmoid(raw)), p(`${name}.y2.weight`), p(`${name}.y2.bias`));
  // As a weighted sum: a withheld label must not even change a rounding.
  const embedded = withheld
    ? tf.add(
        tf.mul(known, tf.sub(1, withheld)),
        tf.mul(tf.expandDims(p(`${name}.unlabelled`), 0), withheld),
      )
    : known;
  const ofLabel = linear(
    embedded,
    tf.slice(weight, [0, width], [outputs, inputs - width]),
    p(`${name}.fc1.bias`),
  );
  const ofHidden = linear(hidden, tf.slice(weight, [0, 0], [outputs, width]));
  const total = tf.add(ofHidden, tf.reshape(ofLabel, [rows, 1, outputs]));
  return gelu(tf.reshape(total, [rows, steps, outputs]));
}

/** Next state's distribution: mean and ln sigma, each [B, T, S]. */
export interface NextState {
  readonly mean: tf.Tensor;
  readonly logSigma: tf.Tensor;
}

/**
 * A normal distribution of the next state: the mean is the present state plus a learned change;
 * ln sigma stays in [-2.5, 1], or nearly deterministic features would swamp every gradient.
 * @param features of `headFeatures`
 * @param states [B, T, S] present states
 */
export function nextState(
  p: ParameterTensors,
  task: number,
  features: tf.Tensor,
  states: tf.Tensor,
): NextState {
  const [rows, steps, size] = states.shape as [number, number, number];
  const name = `heads.${task}.fc2`;
  const output = linear(features, p(`${name}.weight`), p(`${name}.bias`));
  const change = tf.slice(output, [0, 0, 0], [rows, steps, size]);
  const spread = tf.slice(output, [0, 0, size], [rows, steps, size]);
  return {
    mean: tf.add(states, change),
    logSigma: tf.sub(tf.mul(tf.tanh(spread), 1.75), 0.75),
  };
}

/** Only the mean of `nextState`: inference needs no spread. */
export function nextStateMean(
  p: ParameterTensors,
  task: number,
  features: tf.Tensor,
  states: tf.Tensor,
): tf.Tensor {
  const size = states.shape.at(-1) ?? 0;
  const weight = p(`heads.${task}.fc2.weight`);
  const change = linear(
    features,
    tf.slice(weight, [0, 0], [size, weight.shape[1] ?? 0]),
    tf.slice(p(`heads.${task}.fc2.bias`), [0], [size]),
  );
  return tf.add(states, change);
}

/** ln alpha of each step in training units, [B, T], straight from the head (`policyHead: action`). */
export function directAction(p: ParameterTensors, task: number, features: tf.Tensor): tf.Tensor {
  const name = `heads.${task}.action`;
  return tf.squeeze(linear(features, p(`${name}.weight`), p(`${name}.bias`)), [-1]);
}
