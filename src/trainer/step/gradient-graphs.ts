import * as tf from '@tensorflow/tfjs-core';
import { program, type TensorFunction, type TensorProgram } from '../../engine/index.ts';
import { byName, cutVector, type ParameterTensors, type Scope } from '../../model/index.ts';
import { batchLosses, ownLoss } from './batch-losses.ts';
import { differentiate, wholeVector } from './derivatives.ts';
import { type Look, metricDiagonal, partialProducts, type Vector } from './products.ts';
import { batchOf, batchSpecs, float, need, type StepDesign } from './tensors.ts';

/** `shared` and the heads of the tasks with rows. */
export function reachedScopes(counts: readonly number[]): Scope[] {
  return ['shared', ...counts.flatMap((count, k) => (count > 0 ? [k] : []))];
}

/**
 * The gradient of sum_k weights_k L_k over the whole generator, `gradient`, and `losses` [K]: one
 * forward and one backward pass. With weights 1/K on held-out rows, v of paper eq. 4.
 */
export function weightedGradientProgram(design: StepDesign, days = 0): TensorProgram {
  const { plan, counts, io } = design;
  const specs = {
    generator: float(plan.generatorSize),
    ...batchSpecs(design, days),
    weights: float(io.tasks),
  };
  const resident = ['gradient'];
  const fn: TensorFunction = (inputs) => {
    const batch = batchOf(inputs);
    const losses = (p: ParameterTensors): tf.Tensor => tf.stack(batchLosses(design, p, batch));
    const parameters = cutVector(need(inputs, 'generator'), plan.generator);
    const { gradients } = differentiate(plan, parameters, reachedScopes(counts), (p) =>
      tf.sum(tf.mul(losses(p), need(inputs, 'weights'))),
    );
    return {
      losses: losses(byName(plan.generator, parameters)),
      gradient: wholeVector(plan, io.tasks, gradients),
    };
  };
  return program(specs, fn, resident);
}

/**
 * Task gradients, paper Algorithm 1 lines 6-7: `losses` [K] and per task `shared.k`, `head.k`. Each
 * task's rows pass the encoder by themselves, so K gradients cost one backward pass over the batch
 * (and K through the temporal module, whose forward pass they share).
 *
 * With a `look`, also the inner products of [g_1 .. g_K; v] in its scope and metric, as partial sums
 * for `sumProducts`. v is the input `validation`, or with `signal: train` the mean of the g_k, put
 * out as `validation`.
 */
export function taskGradientsProgram(
  design: StepDesign,
  days = 0,
  look: Look | null = null,
): TensorProgram {
  const { plan, io } = design;
  const size = float(plan.generatorSize);
  const specs = {
    generator: size,
    ...batchSpecs(design, days),
    ...(look?.validation === 'heldout' && { validation: size }),
    ...(look?.metric === 'adam' && { generatorSquare: size, metricCorrection: float(2) }),
  };
  const tasks = Array.from({ length: io.tasks }, (_, k) => k);
  const resident = tasks.flatMap((k) => [`shared.${k}`, `head.${k}`]);
  if (look?.validation === 'train') resident.push('validation');
  const fn: TensorFunction = (inputs) => {
    const parameters = cutVector(need(inputs, 'generator'), plan.generator);
    const batch = batchOf(inputs);
    const rows = tasks.map((k) =>
      differentiate(plan, parameters, ['shared', k], (p) => ownLoss(design, p, batch, k)),
    );
    const shared = rows.map(({ gradients }) => gradients.get('shared') ?? tf.zeros([0]));
    const heads = rows.map(({ gradients }, k) => gradients.get(k) ?? tf.zeros([0]));
    const whole = look && validationVector(design, look, inputs, { shared, heads });
    const vectors: Vector[] = shared.map((row, k) => ({
      shared: row,
      heads: new Map([[k, heads[k] ?? tf.zeros([0])]]),
    }));
    if (whole) vectors.push(cutScopes(design, whole));
    const metric = look?.metric === 'adam' ? metricDiagonal(design, inputs) : null;
    return {
      losses: tf.stack(rows.map(({ value }) => value)),
      ...Object.fromEntries(
        tasks.flatMap((k) => [
          [`shared.${k}`, shared[k] ?? tf.zeros([0])],
          [`head.${k}`, heads[k] ?? tf.zeros([0])],
        ]),
      ),
      ...(look && partialProducts(vectors, look.scope, metric && cutScopes(design, metric))),
      ...(look?.validation === 'train' && whole && { validation: whole }),
    };
  };
  return program(specs, fn, resident);
}

/** v as the look wants it: the given one, the batch's own, or none. */
function validationVector(
  { io }: StepDesign,
  look: Look,
  inputs: Readonly<Record<string, tf.Tensor>>,
  rows: { readonly shared: readonly tf.Tensor[]; readonly heads: readonly tf.Tensor[] },
): tf.Tensor | null {
  if (look.validation === 'none') return null;
  if (look.validation === 'heldout') return need(inputs, 'validation');
  const sum = rows.shared.reduce((a, b) => tf.add(a, b));
  return tf.mul(tf.concat([sum, ...rows.heads]), 1 / io.tasks);
}

/** A vector over the generator, cut at the borders of shared part and heads. */
function cutScopes({ plan, io }: StepDesign, vector: tf.Tensor): Vector {
  const { sharedSize, headSize } = plan;
  const heads = Array.from(
    { length: io.tasks },
    (_, k) => [k, tf.slice(vector, [sharedSize + k * headSize], [headSize])] as const,
  );
  return { shared: tf.slice(vector, [0], [sharedSize]), heads: new Map(heads) };
}
