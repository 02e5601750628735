import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../../src/engine/index.ts';
import {
  encode,
  initialParameters,
  type ModelSettings,
  parameterPlan,
  planActions,
  traceInference,
} from '../../src/model/index.ts';
import { eager, randomRows, tensorsOf, toyIo, toySettings, worst } from '../helpers/model.ts';

const ROWS = 3;

/** Random states with one step's row moved. */
function states(movedStep: number | null): tf.Tensor {
  const { states: all } = randomRows(toyIo, ROWS, 4);
  const present = tf.slice(all, [0, 0, 0], [ROWS, toyIo.steps, toyIo.features]);
  if (movedStep === null) return present;
  const steps = tf.reshape(tf.range(0, toyIo.steps), [1, toyIo.steps, 1]);
  return tf.add(present, tf.cast(tf.equal(steps, movedStep), 'float32'));
}

const inputs = (x: tf.Tensor) => ({
  states: x,
  label: tf.tensor2d([0, 0.5, 1], [ROWS, 1]),
  task: tf.cast(tf.oneHot(tf.tensor1d([0, 1, 2], 'int32'), 3), 'float32'),
});

/** Values of the steps before one, all rows. */
const before = (x: tf.Tensor, step: number): Float32Array =>
  tf
    .slice(
      x,
      x.shape.map(() => 0),
      [ROWS, step, ...x.shape.slice(2)],
    )
    .dataSync() as Float32Array;

describe.each(['inverse', 'action'] as const)('inference with policyHead %s', (policyHead) => {
  const settings: ModelSettings = { ...toySettings, policyHead };
  const plan = parameterPlan(settings, toyIo);
  const vectors = initialParameters(plan, 9);
  beforeAll(eager);

  it('never looks ahead: a changed state changes no earlier hidden row and no earlier action', () => {
    const p = tensorsOf(plan, vectors);
    for (const step of [1, 7, 11]) {
      const hidden = [states(null), states(step)].map((x) => encode(settings, p, x));
      const actions = [states(null), states(step)].map((x) =>
        planActions(settings, [p], inputs(x)),
      );
      for (const [plain, moved] of [hidden, actions]) {
        if (!plain || !moved) throw new TypeError('two results expected');
        expect(before(moved, step)).toEqual(before(plain, step));
        expect(before(moved, step + 1)).not.toEqual(before(plain, step + 1));
      }
    }
  });

  it('in the exported graph gives what the eager model gives', async () => {
    const x = inputs(states(null));
    const eagerly = planActions(settings, [tensorsOf(plan, vectors)], x).dataSync();
    const graph = await compile(traceInference(settings, plan, toyIo, [vectors], ROWS));
    const feeds = Object.fromEntries(
      Object.entries(x).map(([name, t]) => [
        name,
        { shape: t.shape, data: Float32Array.from(t.dataSync()) },
      ]),
    );
    const { logAlpha } = await graph.run(feeds);
    expect(logAlpha?.shape).toEqual([ROWS, toyIo.steps]);
    expect(worst(logAlpha?.data ?? [], eagerly, 1e-5, 1e-4)).toBeLessThan(1);
    await graph.release();
  });

  it('with one model a task answers each row by its own task’s model', () => {
    const models = [1, 2, 3].map((seed) => tensorsOf(plan, initialParameters(plan, seed)));
    const x = inputs(states(null));
    const joint = models.map((p) => planActions(settings, [p], x));
    const separate = planActions(settings, models, x);
    joint.forEach((own, row) => {
      const [a, b] = [own, separate].map((t) => tf.slice(t, [row, 0], [1, -1]).dataSync());
      expect(worst(b ?? [], a ?? [1], 1e-6, 1e-5)).toBeLessThan(1);
    });
  });
});

describe('initial parameters', () => {
  it('are a function of the seed', () => {
    const plan = parameterPlan(toySettings, toyIo);
    expect(initialParameters(plan, 1)).toEqual(initialParameters(plan, 1));
    expect(initialParameters(plan, 1)).not.toEqual(initialParameters(plan, 2));
  });
});
