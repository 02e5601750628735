import * as tf from '@tensorflow/tfjs-core';
import { byName, cutVector, inverseLoss, joinVector } from '../../model/index.ts';
import { update } from './optimiser.ts';
import {
  type Batch,
  batchOf,
  momentOutputs,
  momentsOf,
  need,
  ratesOf,
  type StepDesign,
  type Tensors,
} from './tensors.ts';

/** One-hot tasks of rows grouped by task: [B, K], a constant of the graph. */
function taskRows(counts: readonly number[]): tf.Tensor {
  const rows = counts.flatMap((count, k) => new Array<number>(count).fill(k));
  const values = new Float32Array(rows.length * counts.length);
  rows.forEach((k, row) => (values[row * counts.length + k] = 1));
  return tf.tensor(values, [rows.length, counts.length]);
}

/** Loss of the inverse dynamics on a batch; 0 for a model without it. */
export function inverseLossOf(
  { plan, counts }: StepDesign,
  vector: tf.Tensor | undefined,
  batch: Batch,
): tf.Tensor {
  if (plan.inverseSize === 0 || !vector) return tf.scalar(0);
  const p = byName(plan.inverse, cutVector(vector, plan.inverse));
  return inverseLoss(p, batch, taskRows(counts));
}

/** Loss and own Adam update of the inverse dynamics; nothing for a model without it. */
export function inverseStep(design: StepDesign, inputs: Tensors): Record<string, tf.Tensor> {
  const { plan, counts, optimiser } = design;
  if (plan.inverseSize === 0) return { inverseLoss: tf.scalar(0) };
  const state = momentsOf(inputs, 'inverse');
  const batch = batchOf(inputs);
  const task = taskRows(counts);
  const lossOf = (...tensors: tf.Tensor[]): tf.Scalar =>
    tf.reshape<tf.Rank.R0>(inverseLoss(byName(plan.inverse, tensors), batch, task), []);
  const parameters = cutVector(need(inputs, 'inverse'), plan.inverse);
  const { value, grads } = tf.valueAndGrads(lossOf)(parameters);
  const next = update(optimiser, state, joinVector(grads), ratesOf(inputs, 'inverseLearningRate'));
  return { inverseLoss: value, ...momentOutputs('inverse', next) };
}
