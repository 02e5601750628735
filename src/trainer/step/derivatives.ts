import * as tf from '@tensorflow/tfjs-core';
import {
  byName,
  joinVector,
  type ParameterPlan,
  type ParameterTensors,
  type Scope,
} from '../../model/index.ts';

/** A scalar of the generator's parameters and its gradient with respect to those of some scopes. */
export function differentiate(
  plan: ParameterPlan,
  parameters: readonly tf.Tensor[],
  scopes: readonly Scope[],
  scalarOf: (p: ParameterTensors) => tf.Tensor,
): { readonly value: tf.Tensor; readonly gradients: ReadonlyMap<Scope, tf.Tensor> } {
  const isWanted = plan.generator.map(({ scope }) => scopes.includes(scope));
  const all = byName(plan.generator, parameters);
  const wanted = plan.generator.filter((_, i) => isWanted[i]);
  const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
    const moving = new Map(wanted.map(({ name }, i) => [name, tensors[i]]));
    return tf.reshape<tf.Rank.R0>(
      scalarOf((name) => moving.get(name) ?? all(name)),
      [],
    );
  })(parameters.filter((_, i) => isWanted[i]));
  const gradients = scopes.map((scope) => {
    const own = grads.filter((_, i) => wanted[i]?.scope === scope);
    return [scope, joinVector(own)] as const;
  });
  return { value, gradients: new Map(gradients) };
}

/** A vector over the whole generator from its parts; heads that are missing get zeros. */
export function wholeVector(
  plan: ParameterPlan,
  tasks: number,
  parts: ReadonlyMap<Scope, tf.Tensor>,
): tf.Tensor {
  const heads = Array.from({ length: tasks }, (_, k) => parts.get(k) ?? tf.zeros([plan.headSize]));
  return tf.concat([parts.get('shared') ?? tf.zeros([plan.sharedSize]), ...heads]);
}
