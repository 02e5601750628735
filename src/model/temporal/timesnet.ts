import * as tf from '@tensorflow/tfjs-core';
import { layerNorm, linear } from '../../engine/index.ts';
import type { TimesNetSettings } from '../settings.ts';
import type { ParameterTensors } from '../tensors.ts';
import { embed, lengthened } from './embedding.ts';
import { candidatePeriods, selectPeriods, windowLength } from './periods.ts';
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
  const [days, history] = market.shape as [number, number, number];
  const length = windowLength(settings, history, steps);
  const candidates = settings.candidates ?? candidatePeriods(length, steps);
  const selection = spectrum === 'raw' ? selectPeriods(market, candidates, periods) : undefined;
  const embedded = embed(market, p('temporal.token.weight'));
  let x = forecast
    ? lengthened(embedded, p('temporal.predict.weight'), p('temporal.predict.bias'))
    : embedded;
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
