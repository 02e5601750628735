import * as tf from '@tensorflow/tfjs-core';
import { imbalance, throughExperts } from './experts.ts';
import { directAction, headFeatures, nextState } from './head.ts';
import { inverseAction } from './inverse-dynamics.ts';
import { LAST_ACTION, type ModelSettings, TIME_LEFT } from './settings.ts';
import type { ParameterTensors } from './tensors.ts';

/** Trajectories of one task, or of several: parallel rows. */
export interface Rows {
  /** [B, T + 1, S] normalised, closing state last. */
  readonly states: tf.Tensor;
  /** [B, 1] return label y in [0, 1]. */
  readonly label: tf.Tensor;
  /** [B, T] ln alpha in training units. */
  readonly action: tf.Tensor;
  /** [B, T] 1 where the campaign could act and did. */
  readonly mask: tf.Tensor;
  /** [B] int32, the row's day in the temporal table; absent without a temporal module. */
  readonly day?: tf.Tensor | undefined;
  /** [B, 1] 1 where the label is withheld (guidance); absent = nowhere. */
  readonly withheld?: tf.Tensor | undefined;
}

/** Rows `from` .. `from + count - 1`. */
export function sliceRows(rows: Rows, from: number, count: number): Rows {
  const cut = (x: tf.Tensor): tf.Tensor =>
    tf.slice(x, [from, ...x.shape.slice(1).map(() => 0)], [count, ...x.shape.slice(1)]);
  return {
    states: cut(rows.states),
    label: cut(rows.label),
    action: cut(rows.action),
    mask: cut(rows.mask),
    day: rows.day && cut(rows.day),
    withheld: rows.withheld && cut(rows.withheld),
  };
}

/** States 0..T-1, what the encoder reads: [B, T, S]. */
export function presentStates(settings: Pick<ModelSettings, 'policyHead'>, states: tf.Tensor) {
  const [rows, steps, size] = states.shape as [number, number, number];
  const present = tf.slice(states, [0, 0, 0], [rows, steps - 1, size]);
  return settings.policyHead === 'action' ? hideLastAction(present) : present;
}

/** Zeroes the feature that names the newest action; without it a direct head would copy it. */
export function hideLastAction(states: tf.Tensor): tf.Tensor {
  return tf.mul(states, featureWeights(states.shape.at(-1) ?? 0, [LAST_ACTION]));
}

/** 1 for every feature but the ones left out: [S]. */
function featureWeights(size: number, without: readonly number[]): tf.Tensor {
  return tf.tensor1d(Float32Array.from({ length: size }, (_, j) => (without.includes(j) ? 0 : 1)));
}

/** Sum over unmasked entries divided by their number, at least 1. */
function maskedMean(values: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  return tf.div(tf.sum(tf.mul(values, mask)), tf.maximum(tf.sum(mask), 1));
}

const HALF_LOG_TWO_PI = 0.5 * Math.log(2 * Math.PI);

/**
 * Task k's loss L_k, paper eqs. 2 and 11: the negative log likelihood of the next states a feature,
 * in nats, averaged over unmasked steps and predicted features of the task's trajectories.
 * `mse` fixes sigma at 1. With `policyHead: action` the squared error of ln alpha is added, with
 * experts the weighted imbalance of the task's gate.
 * @param hidden [B, T, h], the encoder's rows of these trajectories
 * @returns scalar
 */
export function taskLoss(
  settings: Pick<ModelSettings, 'likelihood' | 'policyHead' | 'experts'>,
  p: ParameterTensors,
  task: number,
  hidden: tf.Tensor,
  rows: Rows,
): tf.Tensor {
  const likelihood = negativeLogLikelihood(settings, p, task, hidden, rows);
  if (settings.experts === undefined) return likelihood;
  const uneven = imbalance(settings.experts, p, task, hidden, rows.mask);
  return tf.add(likelihood, tf.mul(uneven, settings.experts.balance));
}

function negativeLogLikelihood(
  settings: Pick<ModelSettings, 'likelihood' | 'policyHead' | 'experts'>,
  p: ParameterTensors,
  task: number,
  hidden: tf.Tensor,
  rows: Rows,
): tf.Tensor {
  const [count, length, size] = rows.states.shape as [number, number, number];
  const present = tf.slice(rows.states, [0, 0, 0], [count, length - 1, size]);
  const next = tf.slice(rows.states, [0, 1, 0], [count, length - 1, size]);
  const read = throughExperts(settings.experts, p, task, hidden);
  const features = headFeatures(p, task, read, rows.label, rows.withheld);
  const { mean, logSigma } = nextState(p, task, features, present);
  const direct = settings.policyHead === 'action';
  const predicted = featureWeights(size, direct ? [TIME_LEFT, LAST_ACTION] : [TIME_LEFT]);
  const weight = tf.mul(tf.expandDims(rows.mask, 2), predicted);
  const error = tf.sub(next, mean);
  const gaussian = settings.likelihood === 'gaussian';
  const scaled = gaussian ? tf.mul(error, tf.exp(tf.neg(logSigma))) : error;
  const half = tf.mul(tf.square(scaled), 0.5);
  const density = gaussian ? tf.add(half, logSigma) : half;
  const likelihood = tf.add(maskedMean(density, weight), HALF_LOG_TWO_PI);
  if (!direct) return likelihood;
  const miss = tf.square(tf.sub(directAction(p, task, features), rows.action));
  return tf.add(likelihood, maskedMean(miss, rows.mask));
}

/**
 * Mean squared error of the inverse dynamics on true next states, in training units of ln alpha.
 * @param task [B, K] one-hot
 */
export function inverseLoss(p: ParameterTensors, rows: Rows, task: tf.Tensor): tf.Tensor {
  const [count, length, size] = rows.states.shape as [number, number, number];
  const present = tf.slice(rows.states, [0, 0, 0], [count, length - 1, size]);
  const next = tf.slice(rows.states, [0, 1, 0], [count, length - 1, size]);
  const error = tf.square(tf.sub(inverseAction(p, present, next, task), rows.action));
  return maskedMean(error, rows.mask);
}
