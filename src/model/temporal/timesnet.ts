import * as tf from '@tensorflow/tfjs-core';
import { layerNorm, linear } from '../../engine/index.ts';
import type { TimesNetSettings } from '../settings.ts';
import type { ParameterTensors } from '../tensors.ts';
import { embed } from './embedding.ts';
import { candidatePeriods, selectPeriods } from './periods.ts';
import { timesBlock } from './times-block.ts';

/**
 * TimesNet over market windows: embedding, blocks each followed by a layer normalisation, and a
 * projection of the last T rows. Row t of the result stands for step t one day before the episode
 * (with `forecast`: for step t of the episode's own, forecast, day), seen in its context.
 * @param market [D, H, channels]
 * @param steps T
 * @returns [D, T, hidden]
 */
export function timesNet(
  settings: TimesNetSettings,
  p: ParameterTensors,
  market: tf.Tensor,
  steps: number,
): tf.Tensor {
  const { blocks, forecast, periods, spectrum } = settings;
  const window = forecast ? lengthened(p, market) : market;
  const [days, length] = window.shape as [number, number, number];
  const candidates = settings.candidates ?? candidatePeriods(length, steps);
  const selection = spectrum === 'raw' ? selectPeriods(window, candidates, periods) : undefined;
  let x = embed(window, p('temporal.token.weight'));
  for (let i = 0; i < blocks; i++) {
    const own: ParameterTensors = (name) => p(`temporal.blocks.${i}.${name}`);
    const norm = `temporal.norm.${i}`;
    const block = timesBlock(settings, own, x, candidates, selection);
    x = layerNorm(block, p(`${norm}.weight`), p(`${norm}.bias`));
  }
  const width = x.shape[2] ?? 0;
  const last = tf.slice(x, [0, length - steps, 0], [days, steps, width]);
  return linear(last, p('temporal.proj.weight'), p('temporal.proj.bias'));
}

/** The window with a day more, by one linear map over time for all channels. */
function lengthened(p: ParameterTensors, market: tf.Tensor): tf.Tensor {
  const byChannel = tf.transpose(market, [0, 2, 1]);
  const longer = linear(byChannel, p('temporal.predict.weight'), p('temporal.predict.bias'));
  return tf.transpose(longer, [0, 2, 1]);
}
