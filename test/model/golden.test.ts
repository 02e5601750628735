import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  byName,
  encode,
  headFeatures,
  inverseAction,
  type ModelIo,
  type ModelSettings,
  nextState,
  parameterPlan,
  type ParameterTensors,
  type Rows,
  taskLoss,
} from '../../src/model/index.ts';
import { eager, type Golden, goldenModel, worst } from '../helpers/model.ts';

const golden = goldenModel();
const { config, inputs, outputs } = golden;
const settings: ModelSettings = {
  hidden: config.h,
  layers: config.L,
  heads: config.heads,
  feedForward: config.ffn,
  labelEmbedding: config.E,
  headHidden: config.fh,
  inverseHidden: config.ih,
  temporal: 'none',
  likelihood: 'gaussian',
  policyHead: 'inverse',
};
const io: ModelIo = { tasks: config.K, steps: config.T, features: config.S };
const plan = parameterPlan(settings, io);
const all = [...plan.generator, ...plan.inverse];
const tensor = ({ shape, data }: Golden): tf.Tensor => tf.tensor(data, shape);
const value = (name: string): Golden => golden.params[name] ?? { shape: [], data: [] };

/** The trajectories of one task, in file order. */
function rowsOf(task: number): { rows: Rows; temporal: tf.Tensor; at: tf.Tensor1D } {
  const at = tf.tensor1d(
    inputs.task.flatMap((k, i) => (k === task ? [i] : [])),
    'int32',
  );
  const pick = (x: Golden): tf.Tensor => tf.gather(tensor(x), at);
  const mask = pick(inputs.mask);
  const rows = {
    states: pick(inputs.states),
    label: tf.expandDims(pick(inputs.y), 1),
    mask,
    action: tf.zerosLike(mask),
  };
  return { rows, temporal: pick(outputs.z), at };
}

function presentOf(states: tf.Tensor): tf.Tensor {
  const [rows, length, size] = states.shape as [number, number, number];
  return tf.slice(states, [0, 0, 0], [rows, length - 1, size]);
}

function lossOf(task: number, p: ParameterTensors): tf.Scalar {
  const { rows, temporal } = rowsOf(task);
  const hidden = encode(settings, p, presentOf(rows.states), temporal);
  return tf.reshape<tf.Rank.R0>(taskLoss(settings, p, task, hidden, rows), []);
}

describe('the model against its reference values', () => {
  let p: ParameterTensors;
  beforeAll(async () => {
    await eager();
    p = byName(
      all,
      all.map(({ name }) => tensor(value(name))),
    );
  });

  it('has the reference shapes, and every parameter but the temporal module', () => {
    const names = Object.keys(golden.params).filter((n) => !n.startsWith('temporal.'));
    expect(all.map((x) => x.name).sort()).toEqual(names.sort());
    for (const { name, shape } of all) expect(shape).toEqual(value(name).shape);
  });

  it('encodes states and temporal context to the reference hidden rows', () => {
    const hidden = encode(settings, p, presentOf(tensor(inputs.states)), tensor(outputs.z));
    expect(worst(hidden.dataSync(), outputs.hidden.data, 2e-5, 2e-4)).toBeLessThan(1);
  });

  it.each([0, 1, 2])('gives task %i the reference next-state distribution', (task) => {
    const { rows, temporal, at } = rowsOf(task);
    const present = presentOf(rows.states);
    const hidden = encode(settings, p, present, temporal);
    const { mean, logSigma } = nextState(
      p,
      task,
      headFeatures(p, task, hidden, rows.label),
      present,
    );
    const expected = outputs.heads[task];
    const pick = (x: Golden | undefined): tf.Tensor =>
      tf.gather(tensor(x ?? { shape: [], data: [] }), at);
    expect(worst(mean.dataSync(), pick(expected?.mean).dataSync(), 2e-5, 2e-4)).toBeLessThan(1);
    expect(worst(logSigma.dataSync(), pick(expected?.logStd).dataSync(), 2e-5, 2e-4)).toBeLessThan(
      1,
    );
  });

  it.each([0, 1, 2])('gives task %i the reference loss and gradients', (task) => {
    const own = plan.generator.filter(({ scope }) => scope === 'shared' || scope === task);
    const { value: loss, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) =>
      lossOf(task, byName(own, tensors)),
    )(own.map(({ name }) => tensor(value(name))));
    expect(worst(loss.dataSync(), [outputs.loss[task] ?? 0], 2e-5, 2e-4)).toBeLessThan(1);
    const reference = Object.keys(golden.gradsPerTask[task] ?? {});
    const known = reference.filter((name) => !name.startsWith('temporal.'));
    expect(own.map(({ name }) => name).sort()).toEqual(known.sort());
    own.forEach(({ name }, i) => {
      const expected = golden.gradsPerTask[task]?.[name]?.data ?? [];
      expect(worst(grads[i]?.dataSync() ?? [], expected, 2e-4, 1e-3), name).toBeLessThan(1);
    });
  });

  it('infers the reference actions from state windows', () => {
    const states = tensor(inputs.states);
    const [rows, length, size] = states.shape as [number, number, number];
    const next = tf.slice(states, [0, 1, 0], [rows, length - 1, size]);
    const task = tf.cast(tf.oneHot(tf.tensor1d(inputs.task, 'int32'), io.tasks), 'float32');
    const actions = inverseAction(p, presentOf(states), next, task);
    for (const { t, output } of outputs.inverse) {
      const found = tf.slice(actions, [0, t], [rows, 1]).dataSync();
      expect(worst(found, output.data, 2e-5, 2e-4), `step ${t}`).toBeLessThan(1);
    }
  });
});
