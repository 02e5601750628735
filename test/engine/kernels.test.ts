import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { describe, expect, it } from 'vitest';
import { kernels } from '../../src/engine/kernels/registry.ts';
import { filled, kernelCases, type KernelCase } from '../helpers/engine-cases.ts';
import { gap, runTraced } from '../helpers/engine-run.ts';

/** Kernels of the engine itself: tfjs's own backends do not have them. */
const OWN = new Set(['LayerNormalization']);

const listed = (inputs: readonly tf.Tensor[]): Record<string, tf.Tensor> =>
  Object.fromEntries(inputs.map((tensor, i) => [`x${i}`, tensor]));

const results = ({ run }: KernelCase, inputs: readonly tf.Tensor[]): readonly tf.Tensor[] => {
  const result = run(...inputs);
  return result instanceof tf.Tensor ? [result] : result;
};

/** One number that depends on every element of every result, each in its own way. */
const weighed = (one: KernelCase, inputs: readonly tf.Tensor[]): tf.Scalar =>
  results(one, inputs)
    .map((y, i) => tf.sum(tf.mul(y, filled(y.shape, i + 5))))
    .reduce((a, b) => tf.add(a, b)) as tf.Scalar;

/** Derivative along one direction in every float input, by central differences. */
function slope(one: KernelCase, direction: readonly tf.Tensor[], step: number): number {
  const along = (sign: number): number => {
    const moved = one.inputs.map((x, i) =>
      x.dtype === 'float32' ? tf.add(x, tf.mul(direction[i]!, sign * step)) : x,
    );
    return weighed(one, moved).dataSync()[0]!;
  };
  return (along(1) - along(-1)) / (2 * step);
}

describe('kernels', () => {
  it('has a case for every kernel', () => {
    expect(Object.keys(kernelCases).sort()).toEqual(Object.keys(kernels).sort());
  });

  for (const [name, cases] of Object.entries(kernelCases)) {
    it(`${name} is what tfjs computes on its CPU backend`, async () => {
      for (const one of cases) {
        const { kernels: ran } = await tf.profile(() =>
          tf.tidy(() => void results(one, one.inputs)),
        );
        if (!OWN.has(name)) expect(ran.map((kernel) => kernel.name)).toContain(name);
        const expected = results(one, one.inputs);
        const actual = await runTraced(listed(one.inputs), (given) =>
          Object.fromEntries(results(one, Object.values(given)).map((y, i) => [`y${i}`, y])),
        );
        for (const [i, y] of expected.entries()) {
          const found = actual[`y${i}`]!;
          expect(found.shape).toEqual(y.shape);
          expect(gap(found.data, y.dataSync())).toBeLessThan(2e-6);
        }
      }
    });

    const smooth = cases.filter((one) => one.flat !== true);
    if (smooth.length === 0) continue;
    it(`the gradient of ${name} is the slope`, async () => {
      for (const one of smooth) {
        const floats = one.inputs.flatMap((x, i) => (x.dtype === 'float32' ? [i] : []));
        const direction = one.inputs.map((x, i) => filled(x.shape, i + 11, -1, 1));
        const grads = await runTraced(listed(one.inputs), (given) => {
          const all = Object.values(given);
          const of = (...moving: tf.Tensor[]): tf.Scalar =>
            weighed(
              one,
              all.map((x, i) => moving[floats.indexOf(i)] ?? x),
            );
          const found = tf.grads(of)(floats.map((i) => all[i]!));
          return Object.fromEntries(found.map((g, i) => [`g${floats[i]!}`, g]));
        });
        const along = floats
          .map((i) => {
            const way = direction[i]!.dataSync();
            return Array.from(grads[`g${i}`]!.data, (g, j) => g * way[j]!).reduce(
              (a, b) => a + b,
              0,
            );
          })
          .reduce((a, b) => a + b, 0);
        expect(gap([along], [slope(one, direction, 2e-3)])).toBeLessThan(1e-2);
      }
    });
  }
});
