import { STATE_FEATURES } from '../../src/contracts/index.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { createEngine, type HostTensor } from '../../src/engine/index.ts';
import { initialParameters, parameterPlan } from '../../src/model/index.ts';
import {
  batchCounts,
  createLearner,
  createWeighting,
  type StepDesign,
  traceGradients,
  traceLosses,
} from '../../src/trainer/index.ts';
import { toFeeds } from '../../src/trainer/loop/dataset.ts';
import { gradientProducts } from '../../src/trainer/step/gradient-products.ts';
import { tinyModel, tinyTraining, TASKS, walk } from '../helpers/trainer.ts';

const engine = await createEngine('cpu', { threads: 1 });
const io = { tasks: 3, steps: 96, features: STATE_FEATURES };
const plan = parameterPlan(tinyModel, io);
const initial = initialParameters(plan, 5);
const counts = [2, 2, 1];
const design: StepDesign = {
  settings: tinyModel,
  io,
  plan,
  counts,
  optimiser: tinyTraining.optimiser,
};
const batchOf = (seed: number) =>
  toFeeds(
    counts.flatMap((n, task) => Array.from({ length: n }, (_, i) => walk(task, seed + i, 'c'))),
  );
const floats = (tensor: HostTensor | undefined): Float32Array => {
  if (!(tensor?.data instanceof Float32Array)) throw new TypeError('no float tensor');
  return tensor.data;
};
const scalar = (x: number): HostTensor => ({ shape: [], data: Float32Array.of(x) });
const vector = (data: Float32Array): HostTensor => ({ shape: [data.length], data });

describe('gradients of the step', () => {
  const batch = batchOf(1);
  const validation = batchOf(50);
  let outputs: Record<string, HostTensor>;
  let lossesAt: (generator: Float32Array, feeds: typeof batch) => Promise<number[]>;

  beforeAll(async () => {
    const graph = await engine.prepare(traceGradients(design, true));
    const zeros = vector(new Float32Array(plan.inverseSize));
    outputs = await graph.run({
      generator: vector(initial.generator),
      inverse: vector(initial.inverse),
      inverseMean: zeros,
      inverseSquare: zeros,
      inverseLearningRate: scalar(1e-3),
      meanCorrection: scalar(0.1),
      squareCorrection: scalar(0.001),
      ...batch,
      ...Object.fromEntries(Object.entries(validation).map(([k, v]) => [`validation.${k}`, v])),
    });
    const losses = await engine.prepare(traceLosses(design));
    lossesAt = async (generator, feeds) => {
      const found = await losses.run({
        generator: vector(generator),
        inverse: vector(initial.inverse),
        ...feeds,
      });
      return [...floats(found['losses'])];
    };
  });

  /** Change of some losses' mean along a unit direction, by central differences. */
  async function slope(direction: Float32Array, feeds: typeof batch, tasks: number[]) {
    const norm = Math.sqrt(direction.reduce((s, x) => s + x * x, 0));
    const step = 0.02;
    const at = async (sign: number): Promise<number> => {
      const moved = initial.generator.map((x, i) => x + (sign * step * (direction[i] ?? 0)) / norm);
      const found = await lossesAt(moved, feeds);
      return tasks.reduce((s, k) => s + (found[k] ?? 0), 0) / tasks.length;
    };
    return { slope: ((await at(1)) - (await at(-1))) / (2 * step), norm };
  }

  it.each([0, 1, 2])(
    'are those of task %i by finite differences, and zero on other heads',
    async (k) => {
      const whole = new Float32Array(plan.generatorSize);
      whole.set(floats(outputs[`shared.${k}`]), 0);
      whole.set(floats(outputs[`head.${k}`]), plan.sharedSize + k * plan.headSize);
      const own = await slope(whole, batch, [k]);
      expect(own.slope / own.norm).toBeCloseTo(1, 2);
      const elsewhere = whole.map((_, i) => {
        const head = Math.floor((i - plan.sharedSize) / plan.headSize);
        return i >= plan.sharedSize && head !== k ? 1 : 0;
      });
      expect((await slope(elsewhere, batch, [k])).slope).toBe(0);
    },
  );

  it('are those of the mean validation loss by finite differences', async () => {
    const { slope: found, norm } = await slope(
      floats(outputs['validation']),
      validation,
      [0, 1, 2],
    );
    expect(found / norm).toBeCloseTo(1, 2);
  });

  it('give the inner products of the whole vectors', () => {
    const shared = [0, 1, 2].map((k) => floats(outputs[`shared.${k}`]));
    const heads = [0, 1, 2].map((k) => floats(outputs[`head.${k}`]));
    const v = floats(outputs['validation']);
    const metric = Float64Array.from({ length: plan.generatorSize }, (_, i) => 1 + (i % 7));
    const whole = [0, 1, 2].map((k) => {
      const row = new Float64Array(plan.generatorSize);
      row.set(shared[k] ?? []);
      row.set(heads[k] ?? [], plan.sharedSize + k * plan.headSize);
      return row;
    });
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      metric.reduce((s, m, i) => s + m * (a[i] ?? 0) * (b[i] ?? 0), 0);
    const found = gradientProducts({ shared, heads, validation: v }, 'all', metric);
    whole.forEach((a, j) => {
      expect(found.gains[j]).toBeCloseTo(dot(a, v), 9);
      whole.forEach((b, k) => expect(found.gram[j * 3 + k]).toBeCloseTo(dot(a, b), 9));
    });
    expect(found.validationNormSquared).toBeCloseTo(dot(v, v), 9);
  });
});

describe('a step', () => {
  it('by one fused graph equals a step by gradients with equal weights', async () => {
    const learners = await Promise.all(
      [
        createWeighting('vanilla', 3),
        // An infinite temperature makes VAMO's weights equal.
        createWeighting('vamo', 3, { preset: 'paper', lambda: Infinity }),
      ].map((weighting) =>
        createLearner({
          design,
          tasks: TASKS,
          weighting,
          random: seededRandom(1),
          inverseLearningRate: 1e-3,
          initial,
          threads: 1,
        }),
      ),
    );
    for (let i = 0; i < 3; i++)
      for (const learner of learners) await learner.step(batchOf(i), batchOf(60 + i), false);
    const [fused, split] = learners.map(({ state }) => state.vectors);
    // Adam divides by the gradient's size: rounding near zero gradients shows, but only a little.
    for (const name of ['generator', 'inverse']) {
      const a = fused?.[name] ?? new Float32Array();
      const b = split?.[name] ?? new Float32Array(1);
      const apart = a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN)));
      expect(Math.max(...apart)).toBeLessThan(1e-3);
      expect(apart.reduce((s, x) => s + x, 0) / apart.length).toBeLessThan(1e-6);
    }
    for (const learner of learners) await learner.release();
  });

  it('splits a batch by largest remainder, at least one row a task', () => {
    expect(batchCounts([20, 20, 10], 32)).toEqual([13, 13, 6]);
    expect(batchCounts([100, 100, 1], 10)).toEqual([5, 4, 1]);
    expect(batchCounts([1000, 1, 1], 3)).toEqual([1, 1, 1]);
  });
});
