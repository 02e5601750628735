import * as tf from '@tensorflow/tfjs-core';
import { VamoError } from '../../core/index.ts';
import { trace, type TensorSpec, type TracedGraph } from '../../engine/index.ts';
import {
  byName,
  cutVector,
  encode,
  inverseLoss,
  joinVector,
  type ModelIo,
  type ModelSettings,
  type ParameterPlan,
  type ParameterTensors,
  presentStates,
  type Rows,
  type Scope,
  sliceRows,
  taskLoss,
} from '../../model/index.ts';
import { clip, type Moments, type OptimiserSettings, type Rates, update } from './optimiser.ts';

/** What determines the graphs of a training step. */
export interface StepDesign {
  readonly settings: ModelSettings;
  readonly io: ModelIo;
  readonly plan: ParameterPlan;
  /** Rows of each task in a batch, training or validation; rows stand grouped by task, in order. */
  readonly counts: readonly number[];
  readonly optimiser: OptimiserSettings;
}

type Tensors = Readonly<Record<string, tf.Tensor>>;
type Specs = Record<string, TensorSpec>;

function need(tensors: Tensors, name: string): tf.Tensor {
  const tensor = tensors[name];
  if (!tensor) throw new VamoError('ENGINE_GRAPH', `the step's graph has no tensor "${name}"`);
  return tensor;
}

const float = (...shape: number[]): TensorSpec => ({ shape, dtype: 'float32' });

/** Inputs that hold a batch; `prefix` tells the validation batch from the training batch. */
function batchSpecs(io: ModelIo, counts: readonly number[], prefix = ''): Specs {
  const rows = counts.reduce((a, b) => a + b, 0);
  return {
    [`${prefix}states`]: float(rows, io.steps + 1, io.features),
    [`${prefix}label`]: float(rows, 1),
    [`${prefix}action`]: float(rows, io.steps),
    [`${prefix}mask`]: float(rows, io.steps),
  };
}

function rowsOf(inputs: Tensors, prefix = ''): Rows {
  return {
    states: need(inputs, `${prefix}states`),
    label: need(inputs, `${prefix}label`),
    action: need(inputs, `${prefix}action`),
    mask: need(inputs, `${prefix}mask`),
  };
}

/** Flat vectors of one group of parameters: values, and Adam's moments where it has them. */
function momentSpecs(name: string, size: number, adam: boolean): Specs {
  if (size === 0) return {};
  const moments = { [`${name}Mean`]: float(size), [`${name}Square`]: float(size) };
  return { [name]: float(size), ...(adam ? moments : {}) };
}

function momentsOf(inputs: Tensors, name: string): Moments {
  return {
    value: need(inputs, name),
    mean: inputs[`${name}Mean`],
    square: inputs[`${name}Square`],
  };
}

/** Outputs are named `next.` + the input they replace in the step after. */
function momentOutputs(name: string, { value, mean, square }: Moments): Record<string, tf.Tensor> {
  return {
    [`next.${name}`]: value,
    ...(mean && { [`next.${name}Mean`]: mean }),
    ...(square && { [`next.${name}Square`]: square }),
  };
}

const rateSpecs = (): Specs => ({
  learningRate: float(),
  meanCorrection: float(),
  squareCorrection: float(),
});

function ratesOf(inputs: Tensors, learningRate = 'learningRate'): Rates {
  return {
    learningRate: need(inputs, learningRate),
    meanCorrection: need(inputs, 'meanCorrection'),
    squareCorrection: need(inputs, 'squareCorrection'),
  };
}

/** Specifications of the state a step carries to the next. */
export function stateSpecs({ plan, optimiser }: StepDesign): Specs {
  return {
    ...momentSpecs('generator', plan.generatorSize, optimiser.kind === 'adam'),
    ...momentSpecs('inverse', plan.inverseSize, true),
  };
}

/** Offset of each task's first row. */
function starts(counts: readonly number[]): number[] {
  let at = 0;
  return counts.map((count) => {
    at += count;
    return at - count;
  });
}

/** K losses of a batch that is encoded in one piece; a task without rows has loss 0. */
function batchLosses(
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
function taskRows(counts: readonly number[]): tf.Tensor {
  const rows = counts.flatMap((count, k) => new Array<number>(count).fill(k));
  const values = new Float32Array(rows.length * counts.length);
  rows.forEach((k, row) => (values[row * counts.length + k] = 1));
  return tf.tensor(values, [rows.length, counts.length]);
}

/** Loss and own Adam update of the inverse dynamics; nothing for a model without it. */
function inverseStep(design: StepDesign, inputs: Tensors): Record<string, tf.Tensor> {
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
function differentiate(
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
function wholeGradient(
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

/**
 * The whole step as one graph, for methods whose weights do not depend on this batch:
 * parameters, moments, batch and weights in; losses and the next parameters and moments out.
 */
export function traceFusedStep(design: StepDesign): TracedGraph {
  const { io, plan, counts, optimiser } = design;
  const specs = {
    ...stateSpecs(design),
    ...batchSpecs(io, counts),
    ...rateSpecs(),
    ...(plan.inverseSize > 0 && { inverseLearningRate: float() }),
    weights: float(io.tasks),
  };
  return trace(specs, (inputs) => {
    const state = momentsOf(inputs, 'generator');
    const rows = rowsOf(inputs);
    const losses = (p: ParameterTensors): tf.Tensor =>
      tf.stack(batchLosses(design, p, rows, counts));
    const parameters = cutVector(state.value, plan.generator);
    const gradient = wholeGradient(plan, parameters, counts, (p) =>
      tf.sum(tf.mul(losses(p), need(inputs, 'weights'))),
    );
    const direction = clip(gradient, optimiser.clipNorm);
    return {
      losses: losses(byName(plan.generator, parameters)),
      ...momentOutputs('generator', update(optimiser, state, direction, ratesOf(inputs))),
      ...inverseStep(design, inputs),
    };
  });
}

/** Losses of a batch, nothing updated: `losses` [K] and `inverseLoss`. */
export function traceLosses(design: StepDesign): TracedGraph {
  const { io, plan, counts } = design;
  const specs = {
    generator: float(plan.generatorSize),
    ...(plan.inverseSize > 0 && { inverse: float(plan.inverseSize) }),
    ...batchSpecs(io, counts),
  };
  return trace(specs, (inputs) => {
    const rows = rowsOf(inputs);
    const p = byName(plan.generator, cutVector(need(inputs, 'generator'), plan.generator));
    return {
      losses: tf.stack(batchLosses(design, p, rows, counts)),
      inverseLoss:
        plan.inverseSize === 0
          ? tf.scalar(0)
          : inverseLoss(
              byName(plan.inverse, cutVector(need(inputs, 'inverse'), plan.inverse)),
              rows,
              taskRows(counts),
            ),
    };
  });
}

/**
 * Gradients, paper Algorithm 1 lines 6-7: `losses` [K] and per task `shared.k`, `head.k`; with a
 * validation batch `validationLosses` [K] and `validation`, the gradient of their mean. Each task's
 * rows pass the encoder by themselves, so K gradients cost one backward pass over the batch.
 */
export function traceGradients(design: StepDesign, withValidation: boolean): TracedGraph {
  const { io, plan, counts, settings } = design;
  const specs = {
    ...momentSpecs('generator', plan.generatorSize, false),
    ...momentSpecs('inverse', plan.inverseSize, true),
    ...batchSpecs(io, counts),
    ...(withValidation ? batchSpecs(io, counts, 'validation.') : {}),
    ...(plan.inverseSize > 0 && {
      inverseLearningRate: float(),
      meanCorrection: float(),
      squareCorrection: float(),
    }),
  };
  return trace(specs, (inputs) => {
    const parameters = cutVector(need(inputs, 'generator'), plan.generator);
    const rows = rowsOf(inputs);
    const perTask = starts(counts).map((from, k) =>
      differentiate(plan, parameters, [k], (p) => {
        const own = sliceRows(rows, from, counts[k] ?? 0);
        return taskLoss(
          settings,
          p,
          k,
          encode(settings, p, presentStates(settings, own.states)),
          own,
        );
      }),
    );
    return {
      losses: tf.stack(perTask.map(({ value }) => value)),
      ...Object.fromEntries(
        perTask.flatMap(({ shared, heads: [head] }, k) => [
          [`shared.${k}`, shared],
          [`head.${k}`, head ?? tf.zeros([plan.headSize])],
        ]),
      ),
      ...(withValidation ? validationGradient(design, inputs, parameters) : {}),
      ...inverseStep(design, inputs),
    };
  });
}

/** v = gradient of the mean over tasks of the validation losses, paper eq. 4. */
function validationGradient(
  design: StepDesign,
  inputs: Tensors,
  parameters: tf.Tensor[],
): Record<string, tf.Tensor> {
  const { plan, counts } = design;
  const rows = rowsOf(inputs, 'validation.');
  const losses = (p: ParameterTensors): tf.Tensor => tf.stack(batchLosses(design, p, rows, counts));
  return {
    validationLosses: losses(byName(plan.generator, parameters)),
    validation: wholeGradient(plan, parameters, counts, (p) => tf.mean(losses(p))),
  };
}

/** The update of paper eq. 5 from gradients and weights: combine, clip, Adam or SGD. */
export function traceUpdate(design: StepDesign): TracedGraph {
  const { io, plan, optimiser } = design;
  const tasks = Array.from({ length: io.tasks }, (_, k) => k);
  const adam = optimiser.kind === 'adam';
  const specs = {
    ...momentSpecs('generator', plan.generatorSize, adam),
    ...Object.fromEntries(
      tasks.flatMap((k) => [
        [`shared.${k}`, float(plan.sharedSize)],
        [`head.${k}`, float(plan.headSize)],
      ]),
    ),
    ...rateSpecs(),
    weights: float(io.tasks),
    headWeights: float(io.tasks),
  };
  return trace(specs, (inputs) => {
    const times = (name: string, k: number): tf.Tensor => tf.slice(need(inputs, name), [k], [1]);
    const shared = tasks
      .map((k) => tf.mul(need(inputs, `shared.${k}`), times('weights', k)))
      .reduce((a, b) => tf.add(a, b));
    const heads = tasks.map((k) => tf.mul(need(inputs, `head.${k}`), times('headWeights', k)));
    const direction = clip(tf.concat([shared, ...heads]), optimiser.clipNorm);
    const state = momentsOf(inputs, 'generator');
    return momentOutputs('generator', update(optimiser, state, direction, ratesOf(inputs)));
  });
}
