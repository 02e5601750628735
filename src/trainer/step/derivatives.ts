import * as tf from '@tensorflow/tfjs-core';
import {
  byName,
  cutVector,
  encode,
  inverseLoss,
  joinVector,
  type ParameterPlan,
  type ParameterTensors,
  presentStates,
  type Rows,
  type Scope,
  sliceRows,
  taskLoss,
} from '../../model/index.ts';
import { update } from './optimiser.ts';
import {
  momentOutputs,
  momentsOf,
  ratesOf,
  rowsOf,
  type StepDesign,
  type Tensors,
} from './tensors.ts';

/** Offset of each task's first row. */
export function starts(counts: readonly number[]): number[] {
  let at = 0;
  return counts.map((count) => {
    at += count;
    return at - count;
  });
}

/** K losses of a batch that is encoded in one piece; a task without rows has loss 0. */
export function batchLosses(
  { settings }: StepDesign,
  p: ParameterTensors,
  rows: Rows,
  counts: readonly number[],
): tf.Tensor[] {
  const hidden = encode(settings, p, presentStates(settings, rows.states));
  const size = hidden.shape.slice(1);
  return starts(counts).map((from, k) => {
    const count = counts[k] ?? 0;
    if (count === 0) return tf.scalar(0);
    const own = tf.slice(hidden, [from, 0, 0], [count, ...size]);
    return taskLoss(settings, p, k, own, sliceRows(rows, from, count));
  });
}

/** One-hot tasks of rows grouped by task: [B, K], a constant of the graph. */
export function taskRows(counts: readonly number[]): tf.Tensor {
  const rows = counts.flatMap((count, k) => new Array<number>(count).fill(k));
  const values = new Float32Array(rows.length * counts.length);
  rows.forEach((k, row) => (values[row * counts.length + k] = 1));
  return tf.tensor(values, [rows.length, counts.length]);
}

/** Loss and own Adam update of the inverse dynamics; nothing for a model without it. */
export function inverseStep(design: StepDesign, inputs: Tensors): Record<string, tf.Tensor> {
  const { plan, counts, optimiser } = design;
  if (plan.inverseSize === 0) return { inverseLoss: tf.scalar(0) };
  const state = momentsOf(inputs, 'inverse');
  const rows = rowsOf(inputs);
  const task = taskRows(counts);
  const lossOf = (...tensors: tf.Tensor[]): tf.Scalar =>
    tf.reshape<tf.Rank.R0>(inverseLoss(byName(plan.inverse, tensors), rows, task), []);
  const { value, grads } = tf.valueAndGrads(lossOf)(cutVector(state.value, plan.inverse));
  const next = update(optimiser, state, joinVector(grads), ratesOf(inputs, 'inverseLearningRate'));
  return { inverseLoss: value, ...momentOutputs('inverse', next) };
}

/** A scalar of the generator's parameters and its gradient, shared part and the named tasks' heads. */
export function differentiate(
  plan: ParameterPlan,
  parameters: readonly tf.Tensor[],
  tasks: readonly number[],
  scalarOf: (p: ParameterTensors) => tf.Tensor,
): { readonly value: tf.Tensor; readonly shared: tf.Tensor; readonly heads: tf.Tensor[] } {
  const reached = (scope: Scope): boolean => scope === 'shared' || tasks.includes(Number(scope));
  const kept = plan.generator.filter(({ scope }) => reached(scope));
  const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) =>
    tf.reshape<tf.Rank.R0>(scalarOf(byName(kept, tensors)), []),
  )(parameters.filter((_, i) => reached(plan.generator[i]?.scope ?? 'inverse')));
  const part = (scope: Scope): tf.Tensor =>
    joinVector(grads.filter((_, i) => kept[i]?.scope === scope));
  return { value, shared: part('shared'), heads: tasks.map(part) };
}

/** The gradient as one flat vector of the whole generator; heads without rows get zeros. */
export function wholeGradient(
  plan: ParameterPlan,
  parameters: readonly tf.Tensor[],
  counts: readonly number[],
  scalarOf: (p: ParameterTensors) => tf.Tensor,
): tf.Tensor {
  const tasks = counts.flatMap((count, k) => (count > 0 ? [k] : []));
  const { shared, heads } = differentiate(plan, parameters, tasks, scalarOf);
  const all = counts.map((_, k) => heads[tasks.indexOf(k)] ?? tf.zeros([plan.headSize]));
  return tf.concat([shared, ...all]);
}
