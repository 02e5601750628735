import type * as tf from '@tensorflow/tfjs-core';
import type { ModelSettings } from '../settings.ts';
import type { ParameterTensors } from '../tensors.ts';

/**
 * z of paper eq. 10 for every distinct day: what the market's days before it say about each of its
 * steps. It depends on the day alone, not on the campaign: computed once a day and gathered by row.
 * @param market [D, H, channels] standardised market series of the H steps before each day
 * @returns [D, T, hidden], or null without a temporal module (z = 0)
 */
export function temporalTable(
  settings: Pick<ModelSettings, 'temporal'>,
  p: ParameterTensors,
  market: tf.Tensor,
): tf.Tensor | null {
  void p;
  void market;
  switch (settings.temporal) {
    case 'none':
      return null;
  }
}
