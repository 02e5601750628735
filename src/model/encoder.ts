import * as tf from '@tensorflow/tfjs-core';
import { causalSelfAttention, gelu, layerNorm, linear, normalisedLinear } from '../engine/index.ts';
import type { ModelSettings } from './settings.ts';
import type { ParameterTensors } from './tensors.ts';

/**
 * The shared backbone: a causal pre-norm Transformer over the day's states, paper eqs. 10-11.
 * Row t of the result depends on rows 0..t of the states only, and on neither task nor label.
 * @param states [B, T, S] normalised
 * @param temporal z of paper eq. 10, [B, T, hidden]; null = no temporal module (z = 0)
 * @returns [B, T, hidden]
 */
export function encode(
  settings: Pick<ModelSettings, 'layers' | 'heads'>,
  p: ParameterTensors,
  states: tf.Tensor,
  temporal: tf.Tensor | null = null,
): tf.Tensor {
  const project = (x: tf.Tensor, name: string): tf.Tensor =>
    linear(x, p(`${name}.weight`), p(`${name}.bias`));
  const of = (name: string) => [p(`${name}.weight`), p(`${name}.bias`)] as const;
  const normalised = (x: tf.Tensor, norm: string, name: string): tf.Tensor =>
    normalisedLinear(x, of(norm), of(name));

  let x = tf.add(project(states, 'embed'), p('pos'));
  if (temporal !== null) x = tf.add(x, temporal);
  for (let i = 0; i < settings.layers; i++) {
    const layer = `layers.${i}`;
    const qkv = normalised(x, `${layer}.ln1`, `${layer}.qkv`);
    x = tf.add(x, project(causalSelfAttention(qkv, settings.heads), `${layer}.out`));
    const inner = gelu(normalised(x, `${layer}.ln2`, `${layer}.fc1`));
    x = tf.add(x, project(inner, `${layer}.fc2`));
  }
  return layerNorm(x, ...of('norm'));
}
