import * as tf from '@tensorflow/tfjs-core';
import { gelu } from '../../engine/index.ts';
import type { TimesNetSettings } from '../settings.ts';
import type { ParameterTensors } from '../tensors.ts';
import { foldBy } from './fold.ts';
import { inception } from './inception.ts';
import { type Selection, selectPeriods } from './periods.ts';

/**
 * One TimesNet block, paper eqs. 12-14: each series is folded by its own k strongest periods, every
 * fold passes two Inception blocks of shared weights, and the results are added to the input with
 * the softmax of the periods' amplitudes as weights. Only the chosen folds are computed.
 * @param p the block's parameters, `conv.{0,2}.kernels.j.{weight,bias}`
 * @param x [B, L, C]
 * @param selection periods chosen elsewhere; without, by the spectrum of x
 */
export function timesBlock(
  settings: Pick<TimesNetSettings, 'kernels' | 'periods'>,
  p: ParameterTensors,
  x: tf.Tensor,
  candidates: readonly number[],
  selection: Selection = selectPeriods(x, candidates, settings.periods),
): tf.Tensor {
  const { kernels, periods } = settings;
  const [samples, length, width] = x.shape as [number, number, number];
  const index = tf.reshape(selection.index, [-1]);
  const fold = foldBy(index, candidates, { length, side: 2 * kernels - 1 });
  const rows = tf.reshape(x, [-1, width]);
  const inner = gelu(inception(p, 'conv.0', rows, { kernels, fold, share: periods }));
  const folds = inception(p, 'conv.2', inner, { kernels, fold });
  const weights = tf.reshape(selection.weights, [samples, 1, periods]);
  const mixed = tf.matMul(weights, tf.reshape(folds, [samples, periods, length * width]));
  return tf.add(x, tf.reshape(mixed, x.shape));
}
