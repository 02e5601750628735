import * as tf from '@tensorflow/tfjs-core';
import { VamoError } from '../core/index.ts';
import type { Parameter } from './draft.ts';

/** Looks a parameter up by name. */
export type ParameterTensors = (name: string) => tf.Tensor;

/** One tensor a parameter, cut out of their flat vector. */
export function cutVector(vector: tf.Tensor, parameters: readonly Parameter[]): tf.Tensor[] {
  return parameters.map(({ offset, size, shape }) =>
    tf.reshape(tf.slice(vector, [offset], [size]), [...shape]),
  );
}

/** The inverse of `cutVector`: tensors in plan order to one flat vector. */
export function joinVector(tensors: readonly tf.Tensor[]): tf.Tensor {
  return tf.concat(tensors.map((t) => tf.reshape(t, [-1])));
}

/** Names tensors given in the order of `parameters`. */
export function byName(
  parameters: readonly Parameter[],
  tensors: readonly tf.Tensor[],
): ParameterTensors {
  const named = new Map(parameters.map(({ name }, i) => [name, tensors[i]]));
  return (name) => {
    const tensor = named.get(name);
    if (!tensor) throw new VamoError('ENGINE_GRAPH', `the model has no parameter "${name}"`);
    return tensor;
  };
}
