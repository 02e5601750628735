import * as tf from '@tensorflow/tfjs-core';
import { program, type TensorFunction, type TensorProgram } from '../../engine/index.ts';
import { byName, cutVector, type ParameterTensors } from '../../model/index.ts';
import type { Weighting } from '../weighting/index.ts';
import { batchLosses } from './batch-losses.ts';
import { differentiate, wholeVector } from './derivatives.ts';
import { reachedScopes } from './gradient-graphs.ts';
import { inverseStep } from './inverse-step.ts';
import { clip, update } from './optimiser.ts';
import {
  batchOf,
  batchSpecs,
  float,
  momentOutputs,
  momentsOf,
  need,
  nextNames,
  ratesOf,
  rateSpecs,
  rowSpecs,
  stateSpecs,
  type StepDesign,
  type Tensors,
} from './tensors.ts';

/** Clip and one update of paper eq. 5 along a direction. */
function advance(design: StepDesign, inputs: Tensors, direction: tf.Tensor) {
  const { optimiser } = design;
  const clipped = clip(direction, optimiser.clipNorm);
  return momentOutputs(
    'generator',
    update(optimiser, momentsOf(inputs, 'generator'), clipped, ratesOf(inputs)),
  );
}

/**
 * The whole step as one graph, for weights known before it: parameters, moments, batch and weights
 * in; losses and the next parameters and moments out. Unweighted heads are differentiated apart,
 * which costs one more backward pass through them and none through the trunk.
 */
export function fusedStepProgram(
  design: StepDesign,
  days = 0,
  headPolicy: Weighting['headPolicy'] = 'weighted',
): TensorProgram {
  const { io, plan, counts } = design;
  const apart = headPolicy === 'unweighted';
  const specs = {
    ...stateSpecs(design),
    ...batchSpecs(design, days),
    ...rateSpecs(design),
    weights: float(io.tasks),
    ...(apart && { headWeights: float(io.tasks) }),
  };
  const fn: TensorFunction = (inputs) => {
    const batch = batchOf(inputs);
    const losses = (p: ParameterTensors): tf.Tensor => tf.stack(batchLosses(design, p, batch));
    const parameters = cutVector(need(inputs, 'generator'), plan.generator);
    const scopes = reachedScopes(counts);
    const gradientOf = (weights: string, wanted: typeof scopes) =>
      differentiate(plan, parameters, wanted, (p) =>
        tf.sum(tf.mul(losses(p), need(inputs, weights))),
      ).gradients;
    const parts = apart
      ? new Map([
          ...gradientOf('weights', ['shared']),
          ...gradientOf('headWeights', scopes.slice(1)),
        ])
      : gradientOf('weights', scopes);
    return {
      losses: losses(byName(plan.generator, parameters)),
      ...advance(design, inputs, wholeVector(plan, io.tasks, parts)),
      ...inverseStep(design, inputs),
    };
  };
  return program(specs, fn, nextNames(design));
}

/**
 * The update from task gradients: `shared.k` times `weights` (or, `by: direction`, the method's own
 * `direction` in their place) and `head.k` times `headWeights`; the inverse dynamics beside it.
 */
export function updateProgram(
  design: StepDesign,
  by: 'weights' | 'direction' = 'weights',
): TensorProgram {
  const { io, plan } = design;
  const tasks = Array.from({ length: io.tasks }, (_, k) => k);
  const rows = (name: string, size: number) =>
    Object.fromEntries(tasks.map((k) => [`${name}.${k}`, float(size)]));
  const trunk =
    by === 'weights'
      ? { ...rows('shared', plan.sharedSize), weights: float(io.tasks) }
      : { direction: float(plan.sharedSize) };
  const specs = {
    ...stateSpecs(design),
    ...rowSpecs(design),
    ...rateSpecs(design),
    ...trunk,
    ...rows('head', plan.headSize),
    headWeights: float(io.tasks),
  };
  const fn: TensorFunction = (inputs) => {
    const weighted = (name: string, weights: string): tf.Tensor[] =>
      tasks.map((k) =>
        tf.mul(need(inputs, `${name}.${k}`), tf.slice(need(inputs, weights), [k], [1])),
      );
    const shared =
      by === 'weights'
        ? weighted('shared', 'weights').reduce((a, b) => tf.add(a, b))
        : need(inputs, 'direction');
    const direction = tf.concat([shared, ...weighted('head', 'headWeights')]);
    return { ...advance(design, inputs, direction), ...inverseStep(design, inputs) };
  };
  return program(specs, fn, nextNames(design));
}
