import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  encode,
  initialParameters,
  type ModelSettings,
  parameterPlan,
  type ParameterTensors,
  planActions,
  presentStates,
  type Rows,
  taskLoss,
} from '../../src/model/index.ts';
import { imbalance, throughExperts } from '../../src/model/experts.ts';
import { runTraced } from '../helpers/engine-run.ts';
import { eager, randomRows, tensorsOf, toyIo, toySettings, worst } from '../helpers/model.ts';

beforeAll(eager);

const parametersOf = (settings: ModelSettings): ParameterTensors => {
  const plan = parameterPlan(settings, toyIo);
  return tensorsOf(plan, initialParameters(plan, 2));
};

const lossOf = (settings: ModelSettings, p: ParameterTensors, rows: Rows, task = 1): number => {
  const hidden = encode(settings, p, presentStates(settings, rows.states));
  return taskLoss(settings, p, task, hidden, rows).dataSync()[0]!;
};

const replaced =
  (p: ParameterTensors, name: string, by: tf.Tensor): ParameterTensors =>
  (asked) =>
    asked === name ? by : p(asked);

describe('withheld labels', () => {
  const settings: ModelSettings = { ...toySettings, guidance: { drop: 0.1, strength: 1.5 } };
  const rows = randomRows(toyIo, 4, 1);
  const withheld = (...at: number[]): Rows => ({
    ...rows,
    withheld: tf.tensor2d([0, 1, 2, 3].map((i) => [at.includes(i) ? 1 : 0])),
  });

  it('make the label of their rows, and of no others, matter nothing', () => {
    const p = parametersOf(settings);
    const other = (i: number): tf.Tensor =>
      tf.add(rows.label, tf.tensor2d([0, 1, 2, 3].map((row) => [row === i ? 1 : 0])));
    const hidden = lossOf(settings, p, withheld(2));
    expect(lossOf(settings, p, { ...withheld(2), label: other(2) })).toBe(hidden);
    expect(lossOf(settings, p, { ...withheld(2), label: other(1) })).not.toBe(hidden);
    expect(lossOf(settings, p, withheld())).toBe(lossOf(settings, p, rows));
  });

  it.each(['inverse', 'action'] as const)(
    'let the asked return count g times in service, policyHead %s',
    (policyHead) => {
      const at = (strength: number, label: number): Float32Array => {
        const own: ModelSettings = { ...settings, policyHead, guidance: { drop: 0.1, strength } };
        const p = parametersOf(own);
        const task = tf.tensor2d([[0, 1, 0]]);
        const states = tf.slice(rows.states, [0, 0, 0], [1, toyIo.steps, toyIo.features]);
        const inputs = { states, task, label: tf.tensor2d([[label]]) };
        return planActions(own, [p], inputs).dataSync() as Float32Array;
      };
      // g = 0 is the unconditional answer: the label has no say.
      expect(at(0, 0.1)).toEqual(at(0, 0.9));
      expect(at(1, 0.1)).not.toEqual(at(1, 0.9));
      if (policyHead === 'inverse') return;
      const expected = at(0, 0.9).map((x, i) => x + 2 * ((at(1, 0.9)[i] ?? 0) - x));
      expect(worst(at(2, 0.9), expected, 1e-5, 1e-4)).toBeLessThan(1);
    },
  );
});

describe('experts', () => {
  const settings: ModelSettings = { ...toySettings, experts: { count: 3, balance: 0.5 } };
  const experts = settings.experts!;
  const rows = randomRows(toyIo, 4, 1);

  it('are mixed by the task’s own gate: a gate for one expert gives that expert’s answer', () => {
    const p = parametersOf(settings);
    const hidden = encode(settings, p, presentStates(settings, rows.states));
    const certain = replaced(
      replaced(p, 'heads.1.gate.weight', tf.zeros([3, 8])),
      'heads.1.gate.bias',
      tf.tensor1d([0, 60, 0]),
    );
    const swapped: ParameterTensors = (name) => certain(name.replace('experts.1.', 'experts.0.'));
    const mixed = throughExperts(experts, certain, 1, hidden);
    expect(mixed.dataSync()).not.toEqual(hidden.dataSync());
    expect(throughExperts(experts, swapped, 1, hidden).dataSync()).not.toEqual(mixed.dataSync());
    const others: ParameterTensors = (name) => certain(name.replace('experts.2.', 'experts.0.'));
    expect(
      worst(throughExperts(experts, others, 1, hidden).dataSync(), mixed.dataSync(), 1e-6, 1e-6),
    ).toBeLessThan(1);
    expect(throughExperts(experts, certain, 0, hidden).dataSync()).not.toEqual(mixed.dataSync());
  });

  it('used alike cost nothing, one alone ln E', () => {
    const p = parametersOf(settings);
    const hidden = tf.ones([2, toyIo.steps, 8]);
    const mask = tf.ones([2, toyIo.steps]);
    const withBias = (...bias: number[]): number =>
      imbalance(
        experts,
        replaced(
          replaced(p, 'heads.0.gate.weight', tf.zeros([3, 8])),
          'heads.0.gate.bias',
          tf.tensor1d(bias),
        ),
        0,
        hidden,
        mask,
      ).dataSync()[0]!;
    expect(withBias(1, 1, 1)).toBeCloseTo(0, 6);
    expect(withBias(0, 90, 0)).toBeCloseTo(Math.log(3), 5);
    const gates = [0.5, 0.3, 0.2];
    const expected = gates.reduce((sum, g) => sum + g * Math.log(3 * g), 0);
    expect(withBias(...gates.map(Math.log))).toBeCloseTo(expected, 6);
  });

  it('add their imbalance to the loss, and train through the compiled graph', async () => {
    const p = parametersOf(settings);
    const free = { ...settings, experts: { count: 3, balance: 0 } };
    const hidden = encode(settings, p, presentStates(settings, rows.states));
    const cost = imbalance(experts, p, 1, hidden, rows.mask).dataSync()[0]!;
    expect(cost).toBeGreaterThan(0);
    expect(lossOf(settings, p, rows) - lossOf(free, p, rows)).toBeCloseTo(0.5 * cost, 5);
    const name = 'experts.1.fc1.weight';
    const { g } = await runTraced({ w: p(name), states: rows.states }, ({ w, states }) => {
      const moved = (x: tf.Tensor): tf.Scalar => {
        const own = replaced(p, name, x);
        const seen = encode(settings, own, presentStates(settings, states!));
        return tf.reshape(taskLoss(settings, own, 1, seen, { ...rows, states: states! }), []);
      };
      return { g: tf.grad(moved)(w!) };
    });
    const way = tf.randomNormal(p(name).shape, 0, 1, 'float32', 5);
    const at = (s: number): number =>
      lossOf(settings, replaced(p, name, tf.add(p(name), tf.mul(way, s))), rows);
    const slope = (at(1e-3) - at(-1e-3)) / 2e-3;
    const product = Array.from(way.dataSync()).reduce(
      (sum, x, i) => sum + x * (g!.data[i] ?? 0),
      0,
    );
    expect(Math.abs(product - slope)).toBeLessThan(2e-3 + 0.05 * Math.abs(slope));
  });
});
