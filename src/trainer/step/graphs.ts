import * as tf from '@tensorflow/tfjs-core';
import { program, type TensorProgram } from '../../engine/index.ts';
import {
  byName,
  cutVector,
  encode,
  inverseLoss,
  type ParameterTensors,
  presentStates,
  sliceRows,
  taskLoss,
} from '../../model/index.ts';
import {
  batchLosses,
  differentiate,
  inverseStep,
  starts,
  taskRows,
  wholeGradient,
} from './derivatives.ts';
import { clip, update } from './optimiser.ts';
import {
  batchSpecs,
  float,
  momentOutputs,
  momentSpecs,
  momentsOf,
  need,
  ratesOf,
  rateSpecs,
  rowsOf,
  stateSpecs,
  type StepDesign,
  type Tensors,
} from './tensors.ts';

/**
 * The whole step as one graph, for methods whose weights do not depend on this batch:
 * parameters, moments, batch and weights in; losses and the next parameters and moments out.
 */
export function traceFusedStep(design: StepDesign): TensorProgram {
  const { io, plan, counts, optimiser } = design;
  const specs = {
    ...stateSpecs(design),
    ...batchSpecs(io, counts),
    ...rateSpecs(),
    ...(plan.inverseSize > 0 && { inverseLearningRate: float() }),
    weights: float(io.tasks),
  };
  return program(specs, (inputs) => {
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
export function traceLosses(design: StepDesign): TensorProgram {
  const { io, plan, counts } = design;
  const specs = {
    generator: float(plan.generatorSize),
    ...(plan.inverseSize > 0 && { inverse: float(plan.inverseSize) }),
    ...batchSpecs(io, counts),
  };
  return program(specs, (inputs) => {
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
export function traceGradients(design: StepDesign, withValidation: boolean): TensorProgram {
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
  return program(specs, (inputs) => {
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
export function traceUpdate(design: StepDesign): TensorProgram {
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
  return program(specs, (inputs) => {
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
