import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type ParityStep,
  PARITY_METHODS,
  PARITY_MODELS,
  parityGradients,
  paritySteps,
  productGap,
} from '../helpers/engine-parity.ts';
import { hasTensorFlow } from '../helpers/tfjs-node.ts';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const isInstalled = hasTensorFlow('the tensorflow engine is not compared with the cpu engine');

interface Answer {
  readonly steps: Record<string, ParityStep[]>;
  readonly gradients: Record<string, number[]>;
  readonly manners: Record<string, unknown>;
}

async function inTensorFlow(
  model: string,
  derivatives: 'tfjs' | 'own',
  steps: number,
): Promise<Answer> {
  const child = path('../helpers/tensorflow-child.ts');
  const loader = ['--import', import.meta.resolve('tsx'), child];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...loader, model, derivatives, String(steps)],
    {
      maxBuffer: 1 << 28,
    },
  );
  const line = stdout.split('\n').find((text) => text.startsWith('{'));
  return JSON.parse(line ?? '') as Answer;
}

/** |a - b| / |b|, Euclidean; the size itself where b is all zeros. */
function relativeGap(a: readonly number[], b: readonly number[]): number {
  const norm = (x: readonly number[]): number => Math.sqrt(x.reduce((s, v) => s + v * v, 0));
  if (a.length !== b.length) return Infinity;
  return norm(a.map((x, i) => x - (b[i] ?? NaN))) / (norm(b) || 1);
}

describe.skipIf(!isInstalled)('the tensorflow engine and the cpu engine', () => {
  describe.each([
    ['gaussian', 'tfjs', 20],
    ['mse, action head', 'own', 20],
    ['timesnet', 'own', 20],
    ['raw spectrum, experts, guidance', 'tfjs', 6],
    ['forecast', 'own', 6],
    // Op by op its 96 steps and their derivatives take long.
    ['lstm', 'own', 2],
  ] as const)('on the model "%s" with %s derivatives', (model, derivatives, count) => {
    const settings = PARITY_MODELS[model]!;
    let found: Answer;
    beforeAll(async () => {
      found = await inTensorFlow(model, derivatives, count);
    });

    it.each(Object.keys(PARITY_METHODS))(
      'agree on losses, weights, validation changes and inner products of whole %s steps',
      async (method) => {
        const expected = await paritySteps('cpu', settings, method, count);
        const steps = found.steps[method] ?? [];
        expect(steps.length).toBe(count);
        steps.forEach((step, i) => {
          step.figures.forEach((x, j) => {
            const y = expected[i]!.figures[j]!;
            expect(Math.abs(x - y), `step ${i}, figure ${j}`).toBeLessThan(
              1e-4 * (1 + Math.abs(y)),
            );
          });
          expect(productGap(step, expected[i]!), `products of step ${i}`).toBeLessThan(1e-4);
        });
      },
    );

    it('agree on the gradient of every tensor, task by task', async () => {
      const expected = await parityGradients('cpu', settings);
      expect(Object.keys(found.gradients)).toEqual(Object.keys(expected));
      expect(Object.keys(expected).length).toBeGreaterThan(50);
      for (const [tensor, gradient] of Object.entries(expected))
        expect(relativeGap(found.gradients[tensor] ?? [], gradient), tensor).toBeLessThan(1e-4);
    });

    it('take and give the same kinds of tensors and errors', () => {
      expect(found.manners).toEqual({
        values: { same: [1, 2, 3, 4], doubled: [10, -12], off: [0, 1], rows: [3, 7] },
        specsFound: ['same float32 2x2', 'doubled int32 2', 'off bool 2', 'rows float32 2'],
        isCopy: true,
        badShape: 'ENGINE_GRAPH',
        unknown: 'ENGINE_GRAPH',
        failing: 'RangeError: no',
        released: 'ENGINE_GRAPH',
        left: 0,
      });
    });
  });
});
