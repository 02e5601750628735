import type * as tf from '@tensorflow/tfjs-core';
import { VamoError } from '../../core/index.ts';
import type { TensorSpec } from '../../engine/index.ts';
import type { ModelIo, ModelSettings, ParameterPlan, Rows } from '../../model/index.ts';
import type { Moments, OptimiserSettings, Rates } from './optimiser.ts';

/** What determines the graphs of a training step. */
export interface StepDesign {
  readonly settings: ModelSettings;
  readonly io: ModelIo;
  readonly plan: ParameterPlan;
  /** Rows of each task in a batch, training or validation; rows stand grouped by task, in order. */
  readonly counts: readonly number[];
  readonly optimiser: OptimiserSettings;
}

export type Tensors = Readonly<Record<string, tf.Tensor>>;
export type Specs = Record<string, TensorSpec>;

/** A tensor by name. @throws VamoError ENGINE_GRAPH when it is not there */
export function need(tensors: Tensors, name: string): tf.Tensor {
  const tensor = tensors[name];
  if (!tensor) throw new VamoError('ENGINE_GRAPH', `the step's graph has no tensor "${name}"`);
  return tensor;
}

export const float = (...shape: number[]): TensorSpec => ({ shape, dtype: 'float32' });

/** Inputs that hold a batch; `prefix` tells the validation batch from the training batch. */
export function batchSpecs(io: ModelIo, counts: readonly number[], prefix = ''): Specs {
  const rows = counts.reduce((a, b) => a + b, 0);
  return {
    [`${prefix}states`]: float(rows, io.steps + 1, io.features),
    [`${prefix}label`]: float(rows, 1),
    [`${prefix}action`]: float(rows, io.steps),
    [`${prefix}mask`]: float(rows, io.steps),
  };
}

/** The batch of `batchSpecs`. */
export function rowsOf(inputs: Tensors, prefix = ''): Rows {
  return {
    states: need(inputs, `${prefix}states`),
    label: need(inputs, `${prefix}label`),
    action: need(inputs, `${prefix}action`),
    mask: need(inputs, `${prefix}mask`),
  };
}

/** Flat vectors of one group of parameters: values, and Adam's moments where it has them. */
export function momentSpecs(name: string, size: number, adam: boolean): Specs {
  if (size === 0) return {};
  const moments = { [`${name}Mean`]: float(size), [`${name}Square`]: float(size) };
  return { [name]: float(size), ...(adam ? moments : {}) };
}

export function momentsOf(inputs: Tensors, name: string): Moments {
  return {
    value: need(inputs, name),
    mean: inputs[`${name}Mean`],
    square: inputs[`${name}Square`],
  };
}

/** Outputs are named `next.` + the input they replace in the step after. */
export function momentOutputs(
  name: string,
  { value, mean, square }: Moments,
): Record<string, tf.Tensor> {
  return {
    [`next.${name}`]: value,
    ...(mean && { [`next.${name}Mean`]: mean }),
    ...(square && { [`next.${name}Square`]: square }),
  };
}

export const rateSpecs = (): Specs => ({
  learningRate: float(),
  meanCorrection: float(),
  squareCorrection: float(),
});

export function ratesOf(inputs: Tensors, learningRate = 'learningRate'): Rates {
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
