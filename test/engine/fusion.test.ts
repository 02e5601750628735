import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { compile, trace, type HostTensor, type TensorSpec } from '../../src/engine/index.ts';
import { seededRandom } from '../../src/core/index.ts';
import { initialParameters, parameterPlan } from '../../src/model/index.ts';
import { fusedStepProgram } from '../../src/trainer/step/update-graphs.ts';
import { modelSettings, optimiserSettings } from '../helpers/engine-toy.ts';
import { filled } from '../helpers/engine-cases.ts';
import { gap, runTraced } from '../helpers/engine-run.ts';

const float = (...shape: number[]): TensorSpec => ({ shape, dtype: 'float32' });
const [x, w, b] = [filled([4, 3]), filled([3, 5], 2), filled([5], 3)];

describe('fusion', () => {
  it('takes factors before and after a product into it, and its bias along', async () => {
    const scaled = ({ x, w, b }: Readonly<Record<string, tf.Tensor>>) => ({
      y: tf.mul(tf.add(tf.matMul(tf.mul(x!, 3), w!), b!), 0.5),
    });
    const graph = trace({ x: float(4, 3), w: float(3, 5), b: float(5) }, scaled);
    expect(graph.nodeCount).toBe(1);
    const expected = scaled({ x, w, b }).y.dataSync();
    expect(gap((await runTraced({ x, w, b }, scaled))['y']!.data, expected)).toBeLessThan(1e-6);
  });

  it('leaves a product alone that something else reads too', async () => {
    const shared = ({ x, w }: Readonly<Record<string, tf.Tensor>>) => {
      const product = tf.matMul(x!, w!);
      return { half: tf.mul(product, 0.5), product };
    };
    expect(trace({ x: float(4, 3), w: float(3, 5) }, shared).nodeCount).toBe(2);
    const found = await runTraced({ x, w }, shared);
    const expected = shared({ x, w });
    expect(gap(found['half']!.data, expected.half.dataSync())).toBeLessThan(1e-6);
    expect(gap(found['product']!.data, expected.product.dataSync())).toBeLessThan(1e-6);
  });

  it('moves reshapes past element-wise work until they meet their inverse', () => {
    const graph = trace({ x: float(6, 4), row: float(4), column: float(2, 3, 1) }, (given) => {
      const wide = tf.reshape(given['x']!, [2, 3, 4]);
      const y = tf.mul(tf.add(tf.tanh(wide), given['row']!), given['column']!);
      return { y: tf.reshape(y, [6, 4]) };
    });
    // Tanh, Add, Mul, and the column as [6, 1].
    expect(graph.nodeCount).toBe(4);
  });

  it('broadcasts as before where a reshape cannot move', async () => {
    const fn = ({ x, plane }: Readonly<Record<string, tf.Tensor>>) => ({
      y: tf.add(tf.reshape(x!, [2, 2, 3]), plane!),
    });
    const given = { x, plane: filled([2, 3], 7) };
    expect([...(await runTraced(given, fn))['y']!.data]).toEqual([...fn(given).y.dataSync()]);
  });
});

describe('the training step', () => {
  const io = { tasks: 3, steps: 48, features: 21 };
  const settings = { ...modelSettings, hidden: 32, heads: 4, feedForward: 128, headHidden: 64 };
  const plan = parameterPlan(settings, io);
  const counts = [6, 6, 4];
  const step = fusedStepProgram({ settings, io, plan, counts, optimiser: optimiserSettings });
  const traced = trace(step.inputs, step.fn);
  const initial = initialParameters(plan, 3);

  function feeds(): Record<string, HostTensor> {
    const random = seededRandom(11);
    const all = Object.entries(traced.inputs).map(([name, { shape }]) => {
      const zeros = new Float32Array(shape.reduce((a, c) => a * c, 1));
      if (name === 'generator' || name === 'inverse') return [name, { shape, data: initial[name] }];
      if (/Mean$|Square$/.test(name)) return [name, { shape, data: zeros }];
      const isPositive = shape.length === 0 || name === 'weights' || name === 'mask';
      const data = isPositive ? zeros.fill(0.01) : zeros.map(() => random.normal());
      return [name, { shape, data }];
    });
    return Object.fromEntries(all) as Record<string, HostTensor>;
  }

  it('gives the same bits with one thread and with two', async () => {
    const results = [];
    for (const threads of [1, 2]) {
      const graph = await compile(traced, { threads });
      results.push(await graph.run(feeds()));
      await graph.release();
    }
    expect(results[1]).toEqual(results[0]);
    expect(Object.values(results[0]!['losses']!.data).every(Number.isFinite)).toBe(true);
  });
});
