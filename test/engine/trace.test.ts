import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import {
  causalSelfAttention,
  compile,
  gelu,
  layerNorm,
  linear,
  trace,
  type TensorSpec,
} from '../../src/engine/index.ts';
import { filled } from '../helpers/engine-cases.ts';
import { gap, runTraced } from '../helpers/engine-run.ts';

const float = (...shape: number[]): TensorSpec => ({ shape, dtype: 'float32' });
const failure = (run: () => unknown): unknown => {
  try {
    return run();
  } catch (error) {
    return error;
  }
};

describe('trace', () => {
  it('leaves tfjs as it was, also when the function throws inside a gradient', () => {
    void tf.setBackend('cpu');
    const before = { ...tf.memory(), backend: tf.getBackend(), names: tf.engine().backendNames() };
    const state = () => ({
      ...tf.memory(),
      backend: tf.getBackend(),
      names: tf.engine().backendNames(),
    });
    trace({ x: float(3) }, ({ x }) => ({ y: tf.grad((v) => tf.sum(tf.square(v)))(x!) }));
    expect(state()).toEqual(before);
    const broken = () =>
      trace({ x: float(3) }, ({ x }) => ({
        y: tf.grad((v) => {
          tf.exp(tf.square(v));
          throw new RangeError('mine');
        })(x!),
      }));
    expect(broken).toThrow(RangeError);
    expect(state()).toEqual(before);
    expect(tf.getKernelsForBackend('onnxtrace')).toEqual([]);
  });

  it('refuses a trace inside a trace, a read, and an output that is no tensor', () => {
    const nested = () =>
      trace({ x: float(1) }, ({ x }) => {
        trace({ z: float(1) }, ({ z }) => ({ z: z! }));
        return { y: x! };
      });
    expect(failure(nested)).toMatchObject({ code: 'ENGINE_GRAPH' });
    const reading = () => trace({ x: float(1) }, ({ x }) => ({ y: tf.scalar(x!.dataSync()[0]!) }));
    expect(failure(reading)).toMatchObject({ code: 'ENGINE_GRAPH' });
    const wrong = () => trace({ x: float(1) }, () => ({ y: 3 as unknown as tf.Tensor }));
    expect(failure(wrong)).toMatchObject({
      code: 'ENGINE_GRAPH',
      message: expect.stringMatching(/y/) as string,
    });
    expect(tf.getBackend()).toBe('cpu');
  });

  it('names the kernel it cannot translate', () => {
    const error = failure(() => trace({ x: float(4) }, ({ x }) => ({ y: tf.acosh(x!) })));
    expect(error).toMatchObject({ code: 'ENGINE_KERNEL_MISSING', details: { kernel: 'Acosh' } });
    expect((error as { mend: string }).mend).toMatch('src/engine/kernels');
  });

  it('gives the same bytes for the same function', () => {
    const once = () =>
      trace({ x: float(4, 6), w: float(6, 6) }, ({ x, w }) => ({
        loss: tf.sum(tf.softmax(tf.matMul(x!, w!))),
      }));
    expect(once().bytes).toEqual(once().bytes);
  });

  it('shares the forward pass among the gradients of several losses', () => {
    const forward = (x: tf.Tensor): tf.Tensor =>
      Array.from({ length: 10 }).reduce<tf.Tensor>((y) => tf.tanh(tf.mul(y, 0.9)), x);
    const nodes = (losses: number): number =>
      trace({ x: float(5) }, ({ x }) =>
        Object.fromEntries(
          Array.from({ length: losses }, (_, k) => [
            `g${k}`,
            tf.grad((v) => tf.sum(tf.pow(forward(v), k + 3)))(x!),
          ]),
        ),
      ).nodeCount;
    // 20 forward nodes are there once; a second copy would show as 20 more for each loss.
    const backward = nodes(2) - nodes(1);
    expect(nodes(3) - nodes(2)).toBe(backward);
    expect(nodes(1) - backward).toBeGreaterThanOrEqual(20);
  });

  it('drops what no output needs, and arithmetic that changes nothing', () => {
    const graph = trace({ x: float(3, 4) }, ({ x }) => {
      tf.exp(x!);
      const moved = tf.transpose(tf.transpose(tf.reshape(tf.reshape(x!, [12]), [3, 4])));
      return { y: tf.add(tf.mul(tf.tanh(moved), tf.onesLike(x!)), tf.zeros([3, 4])) };
    });
    expect(graph.nodeCount).toBe(1);
  });

  it('counts the operations of matrix products, two for each multiply-and-add', () => {
    const shapes = { x: float(4, 3), w: float(3, 5), s: float(2, 6, 3) };
    const graph = trace(shapes, ({ x, w, s }) => ({
      once: tf.matMul(x!, w!),
      turned: tf.matMul(x!, x!, true),
      stack: tf.matMul(s!, tf.transpose(s!, [0, 2, 1])),
    }));
    expect(graph.flops).toBe(2 * (4 * 5 * 3 + 3 * 3 * 4 + 2 * 6 * 6 * 3));
  });

  it('keeps spread constants small', () => {
    const graph = trace({ x: float(64, 64) }, ({ x }) => ({
      y: tf.grad((v) => tf.mean(tf.square(v)))(x!),
    }));
    expect(graph.bytes.length).toBeLessThan(1000);
  });

  it('takes a tensor of another backend as a constant and leaves it there', async () => {
    const scale = tf.tensor([1, 2, 3]);
    const { y } = await runTraced({ x: tf.tensor([4, 5, 6]) }, ({ x }) => ({
      y: tf.mul(x!, scale),
    }));
    expect([...y!.data]).toEqual([4, 10, 18]);
    expect([...scale.dataSync()]).toEqual([1, 2, 3]);
  });

  it('returns an input, a constant and one value under two names', async () => {
    const x = tf.tensor([1, 0, 1], [3], 'bool');
    const results = await runTraced({ x, n: tf.tensor([7], [1], 'int32') }, ({ x: b, n }) => {
      const twice = tf.add(n!, n!);
      return { same: b!, fixed: tf.fill([2], 4), twice, again: twice };
    });
    expect([...results['same']!.data]).toEqual([1, 0, 1]);
    expect([...results['fixed']!.data]).toEqual([4, 4]);
    expect([...results['twice']!.data]).toEqual([14]);
    expect([...results['again']!.data]).toEqual([14]);
  });
});

const names = ['embed', 'qkv', 'out', 'gain', 'shift', 'up', 'down'];
const weights = [
  filled([8, 5], 1, -0.5, 0.5),
  filled([24, 8], 2, -0.5, 0.5),
  filled([8, 8], 3, -0.5, 0.5),
  filled([8], 4, 0.5, 1.5),
  filled([8], 5, -0.1, 0.1),
  filled([16, 8], 6, -0.5, 0.5),
  filled([5, 16], 7, -0.5, 0.5),
];

/** Loss, gradients and one Adam update of a small Transformer that predicts its next row. */
function step(inputs: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Tensor> {
  const rows = inputs['rows']!;
  const loss = (...p: tf.Tensor[]): tf.Scalar => {
    const [embed, qkv, out, gain, shift, up, down] = p as [tf.Tensor, ...tf.Tensor[]];
    const x = linear(tf.slice(rows, [0, 0, 0], [2, 6, 5]), embed);
    const attended = linear(
      causalSelfAttention(linear(layerNorm(x, gain!, shift!), qkv!), 2),
      out!,
    );
    const mixed = tf.add(x, attended);
    const guess = linear(gelu(linear(layerNorm(mixed, gain!, shift!), up!)), down!);
    return tf.mean<tf.Scalar>(tf.squaredDifference(guess, tf.slice(rows, [0, 1, 0], [2, 6, 5])));
  };
  const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => inputs[name]!));
  const next = grads.map((g, i) => {
    const scaled = tf.div(tf.mul(g, 0.1), tf.add(tf.sqrt(tf.mul(tf.square(g), 0.001)), 1e-6));
    return [`next.${names[i]!}`, tf.sub(inputs[names[i]!]!, tf.mul(scaled, 0.01))] as const;
  });
  return {
    loss: value,
    ...Object.fromEntries(grads.map((g, i) => [`d.${names[i]!}`, g])),
    ...Object.fromEntries(next),
  };
}

const stepInputs = {
  rows: filled([2, 7, 5], 9),
  ...Object.fromEntries(names.map((name, i) => [name, weights[i]!])),
};

describe('a whole training step', () => {
  it('equals tfjs on its CPU backend', async () => {
    const expected = step(stepInputs);
    const actual = await runTraced(stepInputs, step);
    for (const [name, tensor] of Object.entries(expected)) {
      expect(gap(actual[name]!.data, tensor.dataSync()), name).toBeLessThan(1e-5);
    }
  });

  it('gives the same bits with one thread and with two', async () => {
    const wide = {
      x: filled([512, 96]),
      w: filled([96, 64], 3),
      g: filled([64], 4),
      b: filled([64], 5),
    };
    const work = ({
      x,
      w,
      g,
      b,
    }: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Tensor> => {
      const { value, grads } = tf.valueAndGrads((...p: tf.Tensor[]) =>
        tf.mean<tf.Scalar>(gelu(layerNorm(tf.matMul(x!, p[0]!), p[1]!, p[2]!))),
      )([w!, g!, b!]);
      return { value, dw: grads[0]!, dg: grads[1]!, db: grads[2]! };
    };
    expect(await runTraced(wide, work, 2)).toEqual(await runTraced(wide, work, 1));
  });
});

describe('compile', () => {
  const graph = trace({ x: float(2), n: { shape: [], dtype: 'int32' } }, ({ x, n }) => ({
    y: tf.mul(x!, tf.cast(n!, 'float32')),
  }));
  const x = { shape: [2], data: Float32Array.of(1, 2) };
  const n = { shape: [], data: Int32Array.of(3) };

  it('names a feed that is missing, unknown, misshapen, mistyped or short', async () => {
    const compiled = await compile(graph, { threads: 1 });
    const faults = [
      [{ x }, /n is missing/],
      [{ x, n, z: x }, /z is not an input/],
      [{ x: { ...x, shape: [1, 2] }, n }, /x is \[1,2\]/],
      [{ x, n: { ...n, data: Float32Array.of(3) } }, /n is Float32Array/],
      [{ x: { ...x, data: Float32Array.of(1) }, n }, /x is 1 elements/],
    ] as const;
    for (const [feeds, message] of faults) {
      await expect(compiled.run(feeds as never)).rejects.toMatchObject({
        code: 'ENGINE_GRAPH',
        message: expect.stringMatching(message) as string,
      });
    }
    expect([...(await compiled.run({ x, n }))['y']!.data]).toEqual([3, 6]);
    await compiled.release();
    await compiled.release();
    await expect(compiled.run({ x, n })).rejects.toMatchObject({ code: 'ENGINE_GRAPH' });
  });

  it('gives every run arrays of its own, which can be fed back', async () => {
    const compiled = await compile(graph, { threads: 1 });
    const first = await compiled.run({ x, n });
    const second = await compiled.run({ x: first['y']!, n });
    expect([...first['y']!.data, ...second['y']!.data]).toEqual([3, 6, 9, 18]);
    await compiled.release();
  });

  it('says what the runtime found wrong with a graph', async () => {
    const broken = { ...graph, bytes: graph.bytes.slice(0, 40) };
    await expect(compile(broken)).rejects.toMatchObject({
      code: 'ENGINE_GRAPH',
      cause: expect.any(Error) as Error,
    });
  });
});
