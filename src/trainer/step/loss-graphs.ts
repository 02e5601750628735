import * as tf from '@tensorflow/tfjs-core';
import { program, type TensorProgram } from '../../engine/index.ts';
import { byName, cutVector, temporalTable } from '../../model/index.ts';
import { batchLosses } from './batch-losses.ts';
import { inverseLossOf } from './inverse-step.ts';
import { batchOf, batchSpecs, float, need, type StepDesign } from './tensors.ts';

/** `losses` [K] of a batch. */
export function lossProgram(design: StepDesign, days = 0): TensorProgram {
  const { plan } = design;
  const specs = { generator: float(plan.generatorSize), ...batchSpecs(design, days) };
  return program(specs, (inputs) => {
    const p = byName(plan.generator, cutVector(need(inputs, 'generator'), plan.generator));
    return { losses: tf.stack(batchLosses(design, p, batchOf(inputs))) };
  });
}

/** `losses` [K] and `inverseLoss` of a batch whose days' z is given as a table. */
export function evaluationProgram(design: StepDesign, days = 0): TensorProgram {
  const { plan } = design;
  const specs = {
    generator: float(plan.generatorSize),
    ...(plan.inverseSize > 0 && { inverse: float(plan.inverseSize) }),
    ...batchSpecs(design, days, true),
  };
  return program(specs, (inputs) => {
    const batch = batchOf(inputs);
    const p = byName(plan.generator, cutVector(need(inputs, 'generator'), plan.generator));
    return {
      losses: tf.stack(batchLosses(design, p, batch)),
      inverseLoss: inverseLossOf(design, inputs['inverse'], batch),
    };
  });
}

/** `table` [D, T, hidden], z of some days, from their market windows. */
export function tableProgram(design: StepDesign, days: number): TensorProgram {
  const { plan, settings, io } = design;
  const specs = {
    generator: float(plan.generatorSize),
    market: float(days, io.market?.history ?? 0, io.market?.channels ?? 0),
  };
  return program(specs, (inputs) => {
    const p = byName(plan.generator, cutVector(need(inputs, 'generator'), plan.generator));
    const table = temporalTable(settings, io, p, need(inputs, 'market'));
    return { table: table ?? tf.zeros([days, io.steps, settings.hidden]) };
  });
}
