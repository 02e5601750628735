import type * as tf from '@tensorflow/tfjs-core';
import {
  compile,
  trace,
  type HostTensor,
  type TensorFunction,
  type TensorSpec,
} from '../../src/engine/index.ts';

/** A tfjs tensor in host memory. */
function host(tensor: tf.Tensor): HostTensor {
  return { shape: tensor.shape, data: tensor.dataSync() };
}

/** Traces `fn` on tensors of the given kinds, compiles it and runs it on their values. */
export async function runTraced(
  inputs: Readonly<Record<string, tf.Tensor>>,
  fn: TensorFunction,
  threads = 1,
): Promise<Record<string, HostTensor>> {
  const specs = Object.entries(inputs).map(
    ([name, { shape, dtype }]) => [name, { shape, dtype } as TensorSpec] as const,
  );
  const graph = await compile(trace(Object.fromEntries(specs), fn), { threads });
  const feeds = Object.entries(inputs).map(([name, tensor]) => [name, host(tensor)] as const);
  const results = await graph.run(Object.fromEntries(feeds));
  await graph.release();
  return results;
}

/** Largest |a - b| / (1 + |b|). */
export function gap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Math.max(
    0,
    ...Array.from(a, (x, i) =>
      Object.is(x, b[i]) ? 0 : Math.abs(x - (b[i] ?? Number.NaN)) / (1 + Math.abs(b[i] ?? 0)),
    ).map((d) => (Number.isNaN(d) ? Number.POSITIVE_INFINITY : d)),
  );
}
