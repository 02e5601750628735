/**
 * What the tensorflow engine computes, as JSON, in a process of its own: its package takes over
 * tfjs's global state. `tensorflow-child MODEL own STEPS`: with this project's derivatives, as in
 * training; `tensorflow-child MODEL tfjs STEPS`: with those of tfjs, which no code here wrote.
 */
import * as tf from '@tensorflow/tfjs-core';
import { isVamoError } from '../../src/core/index.ts';
import { TFJS_NODE } from './tfjs-node.ts';
import {
  type ParityStep,
  PARITY_METHODS,
  PARITY_MODELS,
  parityGradients,
  paritySteps,
} from './engine-parity.ts';

const [name = '', derivatives, count] = process.argv.slice(2);
const settings = PARITY_MODELS[name];
if (!settings) throw new RangeError(`no model ${name}`);
// Derivatives that are registered first stay.
if (derivatives === 'tfjs') await import(TFJS_NODE);
const { createEngine, program } = await import('../../src/engine/index.ts');

const steps: Record<string, ParityStep[]> = {};
for (const method of Object.keys(PARITY_METHODS))
  steps[method] = await paritySteps('tensorflow', settings, method, Number(count));

const codeOf = async (call: () => Promise<unknown>): Promise<string> =>
  call().then(
    () => 'none',
    (error: unknown) => (isVamoError(error) ? error.code : String(error)),
  );

/** The engine's own manners, on programs of a few numbers. */
async function manners() {
  const engine = await createEngine('tensorflow', { threads: 1 });
  await tf.setBackend('tensorflow');
  const before = tf.memory().numTensors;
  const specs = {
    x: { shape: [2, 2], dtype: 'float32' },
    n: { shape: [2], dtype: 'int32' },
    on: { shape: [2], dtype: 'bool' },
  } as const;
  const graph = await engine.prepare(
    program(specs, ({ x, n, on }) => ({
      same: x!,
      doubled: tf.mul(n!, tf.scalar(2, 'int32')),
      off: tf.logicalNot(on!),
      rows: tf.sum(x!, 1),
    })),
  );
  const feeds = {
    x: { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    n: { shape: [2], data: Int32Array.of(5, -6) },
    on: { shape: [2], data: Uint8Array.of(1, 0) },
  };
  const outputs = await graph.run(feeds);
  const isCopy = outputs['same']?.data !== feeds.x.data;
  const badShape = await codeOf(() =>
    graph.run({ ...feeds, n: { shape: [1], data: Int32Array.of(1) } }),
  );
  const unknown = await codeOf(() => graph.run({ ...feeds, z: feeds.n }));
  const failing = await codeOf(() =>
    engine.prepare(
      program({}, () => {
        tf.ones([3]);
        throw new RangeError('no');
      }),
    ),
  );
  await graph.release();
  const released = await codeOf(() => graph.run(feeds));
  const left = tf.memory().numTensors - before;
  const values = Object.fromEntries(Object.entries(outputs).map(([k, x]) => [k, [...x.data]]));
  const specsFound = Object.entries(graph.outputs).map(
    ([k, s]) => `${k} ${s.dtype} ${s.shape.join('x')}`,
  );
  return { values, specsFound, isCopy, badShape, unknown, failing, released, left };
}

const answer = {
  steps,
  gradients: await parityGradients('tensorflow', settings),
  manners: await manners(),
};
process.stdout.write(`${JSON.stringify(answer)}\n`);
