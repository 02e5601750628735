import { compile, trace } from '../src/engine/index.ts';
import { matMul } from '@tensorflow/tfjs-core';

const SIZE = 1024;
const REPEATS = 12;

/** Floating-point operations a second of one large matrix product, the fastest of several. */
export async function matrixPeak(threads: number): Promise<number> {
  const square = { shape: [SIZE, SIZE], dtype: 'float32' } as const;
  const traced = trace({ a: square, b: square }, ({ a, b }) => ({ product: matMul(a!, b!) }));
  const graph = await compile(traced, { threads });
  const tensor = { shape: [SIZE, SIZE], data: new Float32Array(SIZE * SIZE).fill(0.5) };
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    await graph.run({ a: tensor, b: tensor });
    fastest = Math.min(fastest, performance.now() - start);
  }
  await graph.release();
  return (traced.flops / fastest) * 1e3;
}
