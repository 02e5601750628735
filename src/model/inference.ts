import * as tf from '@tensorflow/tfjs-core';
import { GRAPH_OUTPUT, TEMPORAL_GRAPH } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import { trace, type TensorSpec, type TracedGraph } from '../engine/index.ts';
import { encode } from './encoder.ts';
import { throughExperts } from './experts.ts';
import type { Parameter } from './draft.ts';
import { directAction, headFeatures, nextStateMean } from './head.ts';
import { inverseAction } from './inverse-dynamics.ts';
import { hideLastAction } from './losses.ts';
import { namedParameters, type ParameterPlan, type ParameterVectors } from './plan.ts';
import type { ModelIo, ModelSettings } from './settings.ts';
import { temporalTable } from './temporal/index.ts';
import { byName, cutVector, type ParameterTensors } from './tensors.ts';

/** Tensors of the published graph's inputs; see contracts/inference-graph. */
export interface InferenceInputs {
  readonly states: tf.Tensor;
  readonly label: tf.Tensor;
  readonly task: tf.Tensor;
  /** z of the served day, [models, T, hidden]; absent without a temporal module. */
  readonly temporal?: tf.Tensor | undefined;
}

/**
 * ln alpha of every step, [B, T], in the task's training units: each task's own answer, picked by
 * the one-hot `task`.
 * @param models one set of parameters for all tasks, or one a task (single-task learning)
 */
export function planActions(
  settings: ModelSettings,
  models: readonly ParameterTensors[],
  { states, label, task, temporal }: InferenceInputs,
): tf.Tensor {
  const [rows, , size] = states.shape as [number, number, number];
  const direct = settings.policyHead === 'action';
  const seen = direct ? hideLastAction(states) : states;
  const tasks = task.shape[1] ?? 0;
  const pick = (k: number): tf.Tensor => tf.slice(task, [0, k], [rows, 1]);
  const perModel = models.map((p, index) => {
    const hidden = encode(settings, p, seen, temporal ? ofModel(temporal, index) : null);
    const own = models.length === 1 ? Array.from({ length: tasks }, (_, k) => k) : [index];
    const ask = (k: number, read: (features: tf.Tensor) => tf.Tensor): tf.Tensor =>
      asked(settings, p, k, { hidden, label }, read);
    if (direct)
      return sumOf(
        own.map((k) =>
          tf.mul(
            pick(k),
            ask(k, (f) => directAction(p, k, f)),
          ),
        ),
      );
    const next = sumOf(
      own.map((k) =>
        tf.mul(
          tf.reshape(pick(k), [rows, 1, 1]),
          ask(k, (f) => nextStateMean(p, k, f, states)),
        ),
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

/** One model's z out of all models': [T, hidden]. */
function ofModel(temporal: tf.Tensor, index: number): tf.Tensor {
  const [, steps, width] = temporal.shape as [number, number, number];
  return tf.reshape(tf.slice(temporal, [index, 0, 0], [1, steps, width]), [steps, width]);
}

/**
 * What task k's head answers: with guidance, its answer without the label and g times what the
 * label changes in it.
 */
function asked(
  { guidance, experts }: ModelSettings,
  p: ParameterTensors,
  task: number,
  { hidden, label }: { readonly hidden: tf.Tensor; readonly label: tf.Tensor },
  read: (features: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const mixed = throughExperts(experts, p, task, hidden);
  const given = read(headFeatures(p, task, mixed, label));
  if (guidance === undefined || guidance.strength === 1) return given;
  const without = read(headFeatures(p, task, mixed, label, tf.onesLike(label)));
  return tf.add(without, tf.mul(tf.sub(given, without), guidance.strength));
}

/** Shapes of the published graph's inputs; `temporal` is there with a temporal module only. */
export type InferenceSpecs = Readonly<
  Record<'states' | 'label' | 'task', TensorSpec> & { temporal?: TensorSpec }
>;

/**
 * Shapes of the published graph's inputs for calls of `batch` rows.
 * @param models number of parameter sets: each has a temporal module of its own
 */
export function inferenceInputs(
  { temporal, hidden }: Pick<ModelSettings, 'temporal' | 'hidden'>,
  io: ModelIo,
  { batch, models }: { readonly batch: number; readonly models: number },
): InferenceSpecs {
  const float = (...shape: number[]): TensorSpec => ({ shape, dtype: 'float32' });
  return {
    states: float(batch, io.steps, io.features),
    label: float(batch, 1),
    task: float(batch, io.tasks),
    ...(temporal !== 'none' && { temporal: float(models, io.steps, hidden) }),
  };
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
  return trace({ ...inferenceInputs(settings, io, { batch, models: models.length }) }, (inputs) => {
    const tensors = models.map((vectors) => constants(plan, vectors));
    return { [GRAPH_OUTPUT]: planActions(settings, tensors, required(inputs)) };
  });
}

/**
 * The published temporal graph: from one market window to each model's z, contracts/inference-graph.
 * @throws VamoError CONFIG_INVALID for a model without a temporal module
 */
export function traceTemporal(
  settings: ModelSettings,
  plan: ParameterPlan,
  io: ModelIo,
  models: readonly ParameterVectors[],
): TracedGraph {
  return trace({ [TEMPORAL_GRAPH.input]: windowSpec(io) }, (inputs) => ({
    [TEMPORAL_GRAPH.output]: tables(
      settings,
      io,
      models.map((vectors) => constants(plan, vectors)),
      inputs[TEMPORAL_GRAPH.input],
    ),
  }));
}

/** `traceTemporal` with the parameters as inputs, like `traceForward`. */
export function traceTables(
  settings: ModelSettings,
  plan: ParameterPlan,
  io: ModelIo,
  models: number,
): TracedGraph {
  const specs: Record<string, TensorSpec> = { [TEMPORAL_GRAPH.input]: windowSpec(io) };
  for (let i = 0; i < models; i++)
    specs[`generator.${i}`] = { shape: [plan.generatorSize], dtype: 'float32' };
  return trace(specs, (inputs) => {
    const parameters = Array.from({ length: models }, (_, i) =>
      byName(plan.generator, cut(inputs[`generator.${i}`], plan.generator)),
    );
    const market = inputs[TEMPORAL_GRAPH.input];
    return { [TEMPORAL_GRAPH.output]: tables(settings, io, parameters, market) };
  });
}

function windowSpec({ market }: ModelIo): TensorSpec {
  if (!market) throw new VamoError('CONFIG_INVALID', 'the data has no market history');
  return { shape: [1, market.history, market.channels], dtype: 'float32' };
}

/** Every model's z of one window: [models, T, hidden]. */
function tables(
  settings: ModelSettings,
  io: ModelIo,
  models: readonly ParameterTensors[],
  market: tf.Tensor | undefined,
): tf.Tensor {
  return tf.concat(
    models.flatMap((p) => (market && temporalTable(settings, io, p, market)) ?? []),
    0,
  );
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
  const specs: Record<string, TensorSpec> = {
    ...inferenceInputs(settings, io, { batch, models }),
  };
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

/** Parameters as constants of the graph. */
function constants(plan: ParameterPlan, vectors: ParameterVectors): ParameterTensors {
  const named = namedParameters(plan, vectors);
  return byName(
    named.map(({ parameter }) => parameter),
    named.map(({ parameter, data }) => tf.tensor(data.slice(), [...parameter.shape])),
  );
}

function cut(vector: tf.Tensor | undefined, parameters: readonly Parameter[]): tf.Tensor[] {
  return vector ? cutVector(vector, parameters) : [];
}

function required(inputs: Readonly<Record<string, tf.Tensor>>): InferenceInputs {
  const { states, label, task, temporal } = inputs;
  if (!states || !label || !task) throw new TypeError('inputs differ from their specification');
  return { states, label, task, temporal };
}
