import * as tf from '@tensorflow/tfjs-core';
import type { ParameterTensors } from '../tensors.ts';

/** An Inception block as one convolution. */
export interface MergedKernel {
  /** [K C, K D]: phase neighbour and input channel by cycle neighbour and output channel. */
  readonly weight: tf.Tensor;
  /** [D] */
  readonly bias: tf.Tensor;
}

/**
 * The mean of n convolutions of sizes 1, 3, ... 2 n - 1 is one convolution of the largest size whose
 * kernel is the mean of theirs, padded. The n kernels stay the parameters, so that an adaptive
 * optimiser treats them as the reference does.
 * @param p `NAME.kernels.j.{weight [out, in, rows, columns], bias [out]}`; rows = cycles
 */
export function mergedKernel(p: ParameterTensors, name: string, kernels: number): MergedKernel {
  const merged = averageKernel(p, name, kernels);
  const [out, inputs, side] = merged.weight.shape as [number, number, number, number];
  const turned = tf.transpose(merged.weight, [3, 1, 2, 0]);
  return { weight: tf.reshape(turned, [side * inputs, side * out]), bias: merged.bias };
}

/** The merged kernel in the layout of its parts: weight [out, in, rows, columns], bias [out]. */
export function averageKernel(
  p: ParameterTensors,
  name: string,
  kernels: number,
): { readonly weight: tf.Tensor; readonly bias: tf.Tensor } {
  const each = Array.from({ length: kernels }, (_, j) => j);
  const border = (j: number): [number, number] => [kernels - 1 - j, kernels - 1 - j];
  const sum = (tensors: tf.Tensor[]): tf.Tensor =>
    tf.mul(
      tensors.reduce((a, b) => tf.add(a, b)),
      1 / kernels,
    );
  return {
    weight: sum(
      each.map((j) =>
        tf.pad(p(`${name}.kernels.${j}.weight`), [[0, 0], [0, 0], border(j), border(j)]),
      ),
    ),
    bias: sum(each.map((j) => p(`${name}.kernels.${j}.bias`))),
  };
}
