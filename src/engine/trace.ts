import type * as tf from '@tensorflow/tfjs-core';
import type { TensorSpec, TracedGraph } from './types.ts';

/** What is traced: a pure function from named tensors to named tensors. */
export type TensorFunction = (
  inputs: Readonly<Record<string, tf.Tensor>>,
) => Readonly<Record<string, tf.Tensor>>;

/**
 * Records `fn` as an ONNX model. Inside, every tfjs op works (`tf.grads`, `tf.valueAndGrads`,
 * `tf.customGrad` too) but nothing is computed: values cannot be read. The same function and the
 * same inputs give the same bytes. The tfjs backend in force before is in force again afterwards,
 * also when `fn` throws, and no tensor is left behind.
 * @throws VamoError ENGINE_KERNEL_MISSING when `fn` uses a tfjs kernel that has no translation
 * @throws VamoError ENGINE_GRAPH for a trace inside a trace, a value read, or a bad output
 */
export function trace(
  _inputs: Readonly<Record<string, TensorSpec>>,
  _fn: TensorFunction,
): TracedGraph {
  throw new Error('not yet');
}
