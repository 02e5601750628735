import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { isVamoError, seededRandom } from '../../../src/core/index.ts';
import {
  initialParameters,
  type ModelIo,
  type ModelSettings,
  parameterPlan,
  type ParameterTensors,
  rowsOfTable,
  temporalTable,
  type TimesNetSettings,
} from '../../../src/model/index.ts';
import { candidatePeriods, selectPeriods } from '../../../src/model/temporal/periods.ts';
import { gap, runTraced } from '../../helpers/engine-run.ts';
import { eager, tensorsOf, toyIo, toySettings, worst } from '../../helpers/model.ts';

const timesNet: TimesNetSettings = {
  kind: 'timesnet',
  width: 4,
  inner: 5,
  blocks: 2,
  kernels: 2,
  periods: 2,
  spectrum: 'block',
  forecast: false,
};
const io: ModelIo = { ...toyIo, market: { channels: 3, history: 24 } };
const variants: Record<string, ModelSettings['temporal']> = {
  timesnet: timesNet,
  'timesnet with a raw spectrum': { ...timesNet, spectrum: 'raw' },
  'timesnet with a forecast': { ...timesNet, forecast: true },
  lstm: { kind: 'lstm', width: 4, cells: 6 },
};

const settingsOf = (temporal: ModelSettings['temporal']): ModelSettings => ({
  ...toySettings,
  temporal,
});

function parametersOf(settings: ModelSettings, seed = 3): ParameterTensors {
  const plan = parameterPlan(settings, io);
  // The projection starts near 0: larger values make every change visible.
  const p = tensorsOf(plan, initialParameters(plan, seed));
  return (name) => (name === 'temporal.proj.weight' ? tf.mul(p(name), 20) : p(name));
}

/** Market windows; `moved` changes one step of one day. */
function market(days: number, moved?: { day: number; step: number }): tf.Tensor {
  const random = seededRandom(11);
  const values = Float32Array.from({ length: days * 24 * 3 }, () => random.normal());
  if (moved) values[(moved.day * 24 + moved.step) * 3] = 9;
  return tf.tensor(values, [days, 24, 3]);
}

const tableOf = (settings: ModelSettings, p: ParameterTensors, windows: tf.Tensor): tf.Tensor =>
  temporalTable(settings, io, p, windows) ?? tf.zeros([0]);

const ofDay = (table: tf.Tensor, day: number) =>
  tf.slice(table, [day, 0, 0], [1, -1, -1]).dataSync();

beforeAll(eager);

describe.each(Object.entries(variants))('%s', (_, temporal) => {
  const settings = settingsOf(temporal);

  it('gives a day what its own window says, bit for bit, whatever the other days are', () => {
    const p = parametersOf(settings);
    const [plain, moved] = [market(3), market(3, { day: 1, step: 20 })].map((windows) =>
      tableOf(settings, p, windows),
    ) as [tf.Tensor, tf.Tensor];
    expect(plain.shape).toEqual([3, 12, 8]);
    expect(ofDay(moved, 0)).toEqual(ofDay(plain, 0));
    expect(ofDay(moved, 2)).toEqual(ofDay(plain, 2));
    expect(ofDay(moved, 1)).not.toEqual(ofDay(plain, 1));
    const alone = tableOf(settings, p, tf.slice(market(3), [2, 0, 0], [1, 24, 3]));
    expect(worst(ofDay(alone, 0), ofDay(plain, 2), 1e-6, 1e-5)).toBeLessThan(1);
  });

  it('has the gradient that small steps have, in every parameter', async () => {
    const plan = parameterPlan(settings, io);
    const names = plan.generator.filter((x) => x.name.startsWith('temporal.')).map((x) => x.name);
    const p = parametersOf(settings);
    const windows = market(2);
    const random = seededRandom(7);
    const like = (t: tf.Tensor): tf.Tensor =>
      tf.tensor(
        Float32Array.from({ length: t.size }, () => random.normal()),
        t.shape,
      );
    const cotangent = like(tableOf(settings, p, windows));
    const value = (given: ParameterTensors, x: tf.Tensor): tf.Scalar =>
      tf.sum(tf.mul(tableOf(settings, given, x), cotangent));
    const inputs = Object.fromEntries(names.map((name) => [name, p(name)]));
    const grads = await runTraced({ ...inputs, windows, cotangent }, (given) => {
      const all = [...names, 'windows'].map((name) => given[name]!);
      const found = tf.grads((...tensors: tf.Tensor[]) => {
        const moved: ParameterTensors = (name) => tensors[names.indexOf(name)]!;
        return tf.sum(tf.mul(tableOf(settings, moved, tensors.at(-1)!), given['cotangent']!));
      })(all);
      return Object.fromEntries(found.map((g, i) => [`g.${[...names, 'windows'][i]!}`, g]));
    });
    for (const name of [...names, 'windows']) {
      const at = name === 'windows' ? windows : p(name);
      const way = like(at);
      const step = 2e-3 / Math.sqrt(at.size);
      const along = (sign: number): number => {
        const there = tf.add(at, tf.mul(way, sign * step));
        const moved: ParameterTensors = (asked) => (asked === name ? there : p(asked));
        return value(moved, name === 'windows' ? there : windows).dataSync()[0]!;
      };
      const slope = (along(1) - along(-1)) / (2 * step);
      const direction = way.dataSync();
      const product = Array.from(grads[`g.${name}`]!.data, (g, i) => g * direction[i]!).reduce(
        (a, b) => a + b,
        0,
      );
      expect(gap([product], [slope]), name).toBeLessThan(2e-2);
    }
  });
});

describe('the table', () => {
  it('is absent without a module', () => {
    expect(temporalTable({ temporal: 'none' }, io, () => tf.scalar(0), market(1))).toBeNull();
  });

  it('gives rows their days, and adds their gradients up by day', () => {
    const table = tf.tensor([1, 2, 3, 4, 5, 6], [3, 1, 2]);
    const day = tf.tensor1d([2, 0, 2], 'int32');
    expect([...rowsOfTable(table, day).dataSync()]).toEqual([5, 6, 1, 2, 5, 6]);
    const weights = tf.tensor([1, 10, 100, 1000, 1e4, 1e5], [3, 1, 2]);
    const found = tf.grad((t) => tf.sum(tf.mul(rowsOfTable(t, day), weights)))(table);
    expect([...found.dataSync()]).toEqual([100, 1000, 0, 0, 10001, 100010]);
  });
});

describe('the choice of periods', () => {
  const wave = (periods: readonly number[], length: number): number[] =>
    Array.from({ length }, (_, t) =>
      periods.reduce((sum, p, i) => sum + (3 - i) * Math.sin((2 * Math.PI * t) / p + i), 0),
    );

  it('finds the periods of a sum of waves, strongest first, each sample its own', () => {
    const candidates = candidatePeriods(192, 96);
    const x = tf.tensor([...wave([48, 12, 96], 192), ...wave([24, 192, 16], 192)], [2, 192, 1]);
    const { index, weights } = selectPeriods(x, candidates, 3);
    expect([...index.dataSync()].map((q) => candidates[q])).toEqual([48, 12, 96, 24, 192, 16]);
    expect(tf.sum(weights, 1).dataSync()[0]).toBeCloseTo(1, 6);
  });

  it('breaks ties by the order of the candidates', () => {
    const { index } = selectPeriods(tf.zeros([1, 192, 2]), candidatePeriods(192, 96), 3);
    expect([...index.dataSync()]).toEqual([0, 1, 2]);
  });

  it('is among divisors of the window', () => {
    expect(candidatePeriods(192, 96)).toEqual([96, 48, 32, 24, 16, 12, 192]);
    expect(candidatePeriods(96, 96)).toEqual([96, 48, 32, 24, 16, 12, 8]);
    expect(candidatePeriods(288, 96)).toEqual([96, 48, 32, 24, 16, 12, 288]);
    expect(() => selectPeriods(tf.zeros([1, 24, 1]), [12, 7], 1)).toThrow('divide the window');
    expect(() => selectPeriods(tf.zeros([1, 24, 1]), [12, 6], 3)).toThrow('between 1 and the 2');
  });
});

it('a module without market history is refused', () => {
  try {
    parameterPlan(settingsOf(timesNet), toyIo);
    expect.unreachable();
  } catch (error) {
    expect(isVamoError(error, 'CONFIG_INVALID')).toBe(true);
  }
});
