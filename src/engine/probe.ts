import * as tf from '@tensorflow/tfjs-core';
import type { EngineKind } from '../core/index.ts';
import { createEngine } from './engine.ts';
import { gelu } from './ops/gelu.ts';
import { layerNorm } from './ops/layer-norm.ts';
import { linear } from './ops/linear.ts';
import { program } from './program.ts';
import type { HostTensor } from './types.ts';

/** Largest difference from what is known or computed by the cpu engine, relative to 1 + its size. */
const TOLERANCE = 1e-4;

const float = (...shape: number[]) => ({ shape, dtype: 'float32' }) as const;

/** The derivative of |x W|^2 by W, known in whole numbers; and that of a small layer, which is not. */
const task = program({ x: float(1, 2), w: float(2, 2) }, ({ x, w }) => {
  const given = x ?? tf.zeros([1, 2]);
  const by = (f: (v: tf.Tensor) => tf.Tensor): tf.Tensor =>
    tf.grad((v) => tf.sum(tf.square(f(v))))(w ?? tf.zeros([2, 2]));
  return {
    known: by((v) => tf.matMul(given, v)),
    layer: by((v) =>
      layerNorm(gelu(linear(tf.div(given, 6), v)), tf.ones([2]), tf.zeros([2]), 1e-2),
    ),
  };
});
const FEEDS = {
  x: { shape: [1, 2], data: Float32Array.of(5, 6) },
  w: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
};
const KNOWN = Float32Array.of(230, 340, 276, 408);

async function computed(kind: EngineKind): Promise<Record<string, HostTensor>> {
  const graph = await (await createEngine(kind, { threads: 1 })).prepare(task);
  const outputs = await graph.run(FEEDS);
  await graph.release();
  return outputs;
}

function gapOf(found: HostTensor | undefined, expected: ArrayLike<number>): number {
  const gaps = Array.from(
    expected,
    (x, i) => Math.abs((found?.data[i] ?? NaN) - x) / (1 + Math.abs(x)),
  );
  return gaps.some(Number.isNaN) ? Infinity : Math.max(...gaps);
}

/**
 * Computes two derivatives on an engine and compares them: one with whole numbers, one with the cpu
 * engine's. Run it in a process of its own (`probe-process`): a driver may take its process down.
 * @throws VamoError ENGINE_UNAVAILABLE, ENGINE_GRAPH
 * @returns undefined when both are right, otherwise what is wrong
 */
export async function probeHere(kind: EngineKind): Promise<string | undefined> {
  const found = await computed(kind);
  const reference = await computed('cpu');
  const known = gapOf(found['known'], KNOWN);
  const layer = gapOf(found['layer'], Array.from(reference['layer']?.data ?? []));
  const gap = Math.max(known, layer);
  return gap <= TOLERANCE ? undefined : `it computes derivatives wrongly, ${gap} apart`;
}
