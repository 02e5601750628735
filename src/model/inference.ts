import * as tf from '@tensorflow/tfjs-core';
import { GRAPH_OUTPUT } from '../contracts/index.ts';
import { trace, type TensorSpec, type TracedGraph } from '../engine/index.ts';
import { encode } from './encoder.ts';
import type { Parameter } from './draft.ts';
import { directAction, headFeatures, nextStateMean } from './head.ts';
import { inverseAction } from './inverse-dynamics.ts';
import { hideLastAction } from './losses.ts';
import { namedParameters, type ParameterPlan, type ParameterVectors } from './plan.ts';
import type { ModelIo, ModelSettings } from './settings.ts';
import { byName, cutVector, type ParameterTensors } from './tensors.ts';

/** Tensors of the published graph's inputs; see contracts/inference-graph. */
export interface InferenceInputs {
  readonly states: tf.Tensor;
  readonly label: tf.Tensor;
  readonly task: tf.Tensor;
}

/**
 * ln alpha of every step, [B, T], in the task's training units: each task's own answer, picked by
 * the one-hot `task`.
 * @param models one set of parameters for all tasks, or one a task (single-task learning)
 */
export function planActions(
  settings: ModelSettings,
  models: readonly ParameterTensors[],
  { states, label, task }: InferenceInputs,
): tf.Tensor {
  const [rows, , size] = states.shape as [number, number, number];
  const direct = settings.policyHead === 'action';
  const seen = direct ? hideLastAction(states) : states;
  const tasks = task.shape[1] ?? 0;
  const pick = (k: number): tf.Tensor => tf.slice(task, [0, k], [rows, 1]);
  const perModel = models.map((p, index) => {
    const hidden = encode(settings, p, seen);
    const own = models.length === 1 ? Array.from({ length: tasks }, (_, k) => k) : [index];
    const features = own.map((k) => headFeatures(p, k, hidden, label));
    if (direct)
      return sumOf(own.map((k, i) => tf.mul(pick(k), directAction(p, k, at(features, i)))));
    const next = sumOf(
      own.map((k, i) =>
        tf.mul(tf.reshape(pick(k), [rows, 1, 1]), nextStateMean(p, k, at(features, i), states)),
      ),
    );
    const action = inverseAction(p, states, tf.reshape(next, [rows, -1, size]), task);
    return models.length === 1 ? action : tf.mul(pick(index), action);
  });
  return sumOf(perModel);
}

function sumOf(tensors: readonly tf.Tensor[]): tf.Tensor {
  return tensors.reduce((a, b) => tf.add(a, b));
}

function at(tensors: readonly tf.Tensor[], index: number): tf.Tensor {
  return tensors[index] ?? tf.scalar(Number.NaN);
}

/** Shapes of the published graph's inputs for calls of `batch` rows. */
export function inferenceInputs(io: ModelIo, batch: number) {
  return {
    states: { shape: [batch, io.steps, io.features], dtype: 'float32' },
    label: { shape: [batch, 1], dtype: 'float32' },
    task: { shape: [batch, io.tasks], dtype: 'float32' },
  } as const;
}

/**
 * The published graph, its weights inside as constants (contracts/inference-graph).
 * @param models one set of parameters for all tasks, or one a task
 */
export function traceInference(
  settings: ModelSettings,
  plan: ParameterPlan,
  io: ModelIo,
  models: readonly ParameterVectors[],
  batch: number,
): TracedGraph {
  return trace(inferenceInputs(io, batch), (inputs) => {
    const tensors = models.map((vectors) => {
      const named = namedParameters(plan, vectors);
      return byName(
        named.map(({ parameter }) => parameter),
        named.map(({ parameter, data }) => tf.tensor(data.slice(), [...parameter.shape])),
      );
    });
    return { [GRAPH_OUTPUT]: planActions(settings, tensors, required(inputs)) };
  });
}

/**
 * The same function with the parameters as inputs `generator.i` and `inverse.i`: what training
 * computes with, to hold the published graph against.
 * @param models number of parameter sets
 */
export function traceForward(
  settings: ModelSettings,
  plan: ParameterPlan,
  io: ModelIo,
  models: number,
  batch: number,
): TracedGraph {
  const indices = Array.from({ length: models }, (_, i) => i);
  const specs: Record<string, TensorSpec> = { ...inferenceInputs(io, batch) };
  for (const i of indices) {
    specs[`generator.${i}`] = { shape: [plan.generatorSize], dtype: 'float32' };
    if (plan.inverseSize > 0)
      specs[`inverse.${i}`] = { shape: [plan.inverseSize], dtype: 'float32' };
  }
  return trace(specs, (inputs) => {
    const tensors = indices.map((i) => {
      const groups = [
        ...cut(inputs[`generator.${i}`], plan.generator),
        ...cut(inputs[`inverse.${i}`], plan.inverse),
      ];
      return byName([...plan.generator, ...plan.inverse], groups);
    });
    return { [GRAPH_OUTPUT]: planActions(settings, tensors, required(inputs)) };
  });
}

function cut(vector: tf.Tensor | undefined, parameters: readonly Parameter[]): tf.Tensor[] {
  return vector ? cutVector(vector, parameters) : [];
}

function required({ states, label, task }: Readonly<Record<string, tf.Tensor>>): InferenceInputs {
  if (!states || !label || !task) throw new TypeError('inputs differ from their specification');
  return { states, label, task };
}
