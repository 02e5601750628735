import * as tf from '@tensorflow/tfjs-core';
import type { ParameterTensors } from '../tensors.ts';
import { collectCycle, type Fold, spreadPhase } from './fold.ts';

/**
 * An Inception block over folded series as one convolution with a kernel of side 2 n - 1:
 * neighbours along the phase side by side, one product for all neighbours along the cycle, and
 * those added up. Against neighbours in both directions side by side this moves a fifth of the
 * numbers for n = 3 and multiplies as often.
 * @param p `NAME.kernels.j.{weight [out, in, rows, columns], bias [out]}`; rows = cycles
 * @param x [N L, in], or [N / share L, in] where `share` folds are of one series
 * @returns [N L, out]
 */
export function inception(
  p: ParameterTensors,
  name: string,
  x: tf.Tensor,
  options: { readonly kernels: number; readonly fold: Fold; readonly share?: number },
): tf.Tensor {
  const { kernels, fold, share } = options;
  const { weight, bias } = mergedKernel(p, name, kernels);
  const [out, inputs, side] = weight.shape as [number, number, number, number];
  const turned = tf.transpose(weight, [3, 1, 2, 0]);
  const kernel = tf.reshape(turned, [side * inputs, side * out]);
  return tf.add(collectCycle(tf.matMul(spreadPhase(x, fold, share), kernel), fold), bias);
}

/**
 * The mean of n convolutions of sizes 1, 3, ... 2 n - 1 is one convolution of the largest size whose
 * kernel is the mean of theirs, padded. The n kernels stay the parameters, so that an adaptive
 * optimiser treats them as the reference does.
 * @returns weight [out, in, 2 n - 1, 2 n - 1], bias [out]
 */
export function mergedKernel(
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
