import * as tf from '@tensorflow/tfjs-core';
import { gelu, linear } from '../engine/index.ts';
import { type Draft, linearDrafts, type Scope } from './draft.ts';
import type { ExpertSettings } from './settings.ts';
import type { ParameterTensors } from './tensors.ts';

/** The experts, shared by all tasks. */
export function expertDrafts({ count }: ExpertSettings, hidden: number): Draft[] {
  return Array.from({ length: count }, (_, e) => [
    ...linearDrafts('shared', `experts.${e}.fc1`, 2 * hidden, hidden),
    ...linearDrafts('shared', `experts.${e}.fc2`, hidden, 2 * hidden),
  ]).flat();
}

/** A task's gate over the experts. */
export function gateDrafts(
  { count }: ExpertSettings,
  hidden: number,
  scope: Scope,
  name: string,
): Draft[] {
  return linearDrafts(scope, `${name}.gate`, count, hidden);
}

/** Share of each expert: [B, T, E], rows total 1. */
function gate(p: ParameterTensors, task: number, hidden: tf.Tensor): tf.Tensor {
  const name = `heads.${task}.gate`;
  return tf.softmax(linear(hidden, p(`${name}.weight`), p(`${name}.bias`)));
}

/**
 * What task k's head reads: the encoder's rows plus the experts' answers, mixed by the task's gate
 * (multi-gate mixture of experts; dense, so that shapes are static).
 * @param experts absent = the rows as they are
 * @param hidden [B, T, h]
 */
export function throughExperts(
  experts: ExpertSettings | undefined,
  p: ParameterTensors,
  task: number,
  hidden: tf.Tensor,
): tf.Tensor {
  if (experts === undefined) return hidden;
  const shares = tf.split(gate(p, task, hidden), experts.count, -1);
  const layer = (x: tf.Tensor, name: string): tf.Tensor =>
    linear(x, p(`${name}.weight`), p(`${name}.bias`));
  return shares.reduce((sum, share, e) => {
    const inner = gelu(layer(hidden, `experts.${e}.fc1`));
    return tf.add(sum, tf.mul(share, layer(inner, `experts.${e}.fc2`)));
  }, hidden);
}

/**
 * Kullback-Leibler divergence of task k's mean gate over unmasked steps from an even one, in nats:
 * 0 when every expert is used alike.
 * @param mask [B, T]
 */
export function imbalance(
  experts: ExpertSettings,
  p: ParameterTensors,
  task: number,
  hidden: tf.Tensor,
  mask: tf.Tensor,
): tf.Tensor {
  const unmasked = tf.mul(gate(p, task, hidden), tf.expandDims(mask, 2));
  const mean = tf.div(tf.sum(unmasked, [0, 1]), tf.maximum(tf.sum(mask), 1));
  const ratio = tf.maximum(tf.mul(mean, experts.count), 1e-12);
  return tf.sum(tf.mul(mean, tf.log(ratio)));
}
