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

/** Batch rows as the graphs take them, and what the days they are from had before them. */
export interface Batch extends Rows {
  /** [D, H, channels] market windows of the days. */
  readonly market?: tf.Tensor | undefined;
  /** [D, T, hidden]: z of the days, in place of their windows. */
  readonly table?: tf.Tensor | undefined;
}

const rowsIn = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);

/** Inputs that hold the rows of a batch. */
export function rowSpecs({ io, counts }: StepDesign): Specs {
  const rows = rowsIn(counts);
  return {
    states: float(rows, io.steps + 1, io.features),
    label: float(rows, 1),
    action: float(rows, io.steps),
    mask: float(rows, io.steps),
  };
}

/**
 * Inputs that hold a batch: its rows and, with a temporal module, the days they are from.
 * @param days distinct days D
 * @param table the days' z comes as a table computed before, not from market windows
 */
export function batchSpecs(design: StepDesign, days: number, table = false): Specs {
  const { io, counts, settings } = design;
  const { market } = io;
  const rows = rowsIn(counts);
  const context = table
    ? { table: float(days, io.steps, settings.hidden) }
    : { market: float(days, market?.history ?? 0, market?.channels ?? 0) };
  return {
    ...rowSpecs(design),
    ...(settings.guidance && { withheld: float(rows, 1) }),
    ...(market && { day: { shape: [rows], dtype: 'int32' }, ...context }),
  };
}

/** The batch of `batchSpecs`. */
export function batchOf(inputs: Tensors): Batch {
  return {
    states: need(inputs, 'states'),
    label: need(inputs, 'label'),
    action: need(inputs, 'action'),
    mask: need(inputs, 'mask'),
    day: inputs['day'],
    withheld: inputs['withheld'],
    market: inputs['market'],
    table: inputs['table'],
  };
}

/** Flat vectors of one group of parameters: values, and Adam's moments where it has them. */
function momentSpecs(name: string, size: number, adam: boolean): Specs {
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

export function rateSpecs({ plan }: StepDesign): Specs {
  return {
    learningRate: float(),
    meanCorrection: float(),
    squareCorrection: float(),
    ...(plan.inverseSize > 0 && { inverseLearningRate: float() }),
  };
}

export function ratesOf(inputs: Tensors, learningRate = 'learningRate'): Rates {
  return {
    learningRate: need(inputs, learningRate),
    meanCorrection: need(inputs, 'meanCorrection'),
    squareCorrection: need(inputs, 'squareCorrection'),
  };
}

/** The outputs that replace a step's state. */
export const nextNames = (design: StepDesign): readonly string[] =>
  Object.keys(stateSpecs(design)).map((name) => `next.${name}`);

/** Specifications of the state a step carries to the next. */
export function stateSpecs({ plan, optimiser }: StepDesign): Specs {
  return {
    ...momentSpecs('generator', plan.generatorSize, optimiser.kind === 'adam'),
    ...momentSpecs('inverse', plan.inverseSize, true),
  };
}
