import { afterAll, describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/index.ts';
import type { HostTensor } from '../../../src/engine/index.ts';
import { initialParameters, type ModelSettings, parameterPlan } from '../../../src/model/index.ts';
import { createWeighting, type StepDesign } from '../../../src/trainer/index.ts';
import { type DayTrajectory, toFeeds } from '../../../src/trainer/loop/dataset.ts';
import { splitLosses } from '../../../src/trainer/loop/split-losses.ts';
import { createEvaluator } from '../../../src/trainer/step/evaluator.ts';
import { combined } from '../../../src/trainer/step/inner-products.ts';
import { createSession } from '../../../src/trainer/step/session.ts';
import { equal } from '../../../src/trainer/step/sight.ts';
import { counts, design as plainDesign, hostPasses, learnerOf } from '../../helpers/learner.ts';
import { tinyModel, refOf, walk } from '../../helpers/trainer.ts';

const [DAYS, HISTORY, CHANNELS] = [3, 96, 2];
const settings: ModelSettings = {
  ...tinyModel,
  temporal: {
    kind: 'timesnet',
    width: 2,
    inner: 2,
    blocks: 1,
    kernels: 2,
    periods: 2,
    spectrum: 'block',
    forecast: false,
    candidates: [96, 24],
  },
};
const io = { ...plainDesign.io, market: { history: HISTORY, channels: CHANNELS } };
const plan = parameterPlan(settings, io);
const design: StepDesign = { ...plainDesign, settings, io, plan };
const initial = initialParameters(plan, 5);

/** The windows of some days: daily waves of their own phase, and noise. */
function windows(days: number, seed: number): HostTensor {
  const random = seededRandom(seed);
  const data = Float32Array.from({ length: days * HISTORY * CHANNELS }, (_, i) => {
    const step = Math.floor(i / CHANNELS) % HISTORY;
    return Math.sin((2 * Math.PI * step) / 24 + i) + 0.3 * random.normal();
  });
  return { shape: [days, HISTORY, CHANNELS], data };
}
const market = windows(DAYS, 1);
const heldMarket = windows(1, 2);
/** Rows of task k are from days k, k + 1, ... in turn. */
const rows: DayTrajectory[] = counts.flatMap((n, task) =>
  Array.from({ length: n }, (_, i) => walk(task, 7 + i, 'c', (task + i) % DAYS)),
);
const batch = toFeeds(rows, { market });
const held = toFeeds(
  rows.map((row) => ({ ...row, day: 0 })),
  { market: heldMarket },
);

const session = createSession(design, { initial, inverseLearningRate: 1e-3, threads: 1 });
const passes = hostPasses(design, session);
const sessions = [session];
afterAll(async () => {
  for (const each of sessions) await each.release();
});

describe('the temporal module in the step', () => {
  it('gives each row its own day: another day’s market changes nothing', async () => {
    const before = await passes.losses(batch);
    const other = market.data.slice() as Float32Array;
    // Task 0's rows are from days 0 and 1, task 1's from 1 and 2, task 2's from 2.
    for (let i = 0; i < HISTORY * CHANNELS; i++) other[i] = 3 * Math.cos(i);
    const changed = { ...batch, market: { ...market, data: other } };
    const after = await passes.losses(changed);
    expect(after[0]).not.toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    expect(after[2]).toBe(before[2]);
  });

  it('has the same losses from a table computed once, over a padded split too', async () => {
    const expected = await passes.losses(batch);
    const evaluate = await createEvaluator(design, session, market);
    const { losses } = await evaluate(toFeeds(rows, { market }));
    losses.forEach((loss, k) => expect(loss).toBeCloseTo(expected[k]!, 5));
    const days = Array.from({ length: DAYS }, (_, d) => `day ${d}`);
    const split = { days, trajectories: rows.map(refOf), market };
    const whole = await splitLosses(
      split,
      { counts: [1, 3, 1], most: 9 },
      await evaluatorOf([1, 3, 1]),
    );
    whole.losses.forEach((loss, k) => expect(loss).toBeCloseTo(expected[k]!, 5));
  });

  async function evaluatorOf(other: readonly number[]) {
    const at = { ...design, counts: other };
    const own = createSession(at, { initial, inverseLearningRate: 1e-3, threads: 1 });
    sessions.push(own);
    return createEvaluator(at, own, market);
  }

  it('is differentiated for every task: each gradient is that of finite differences', async () => {
    const found = await passes.taskGradients(batch);
    for (const k of [0, 1, 2]) {
      const alone = Float64Array.from({ length: 3 }, (_, i) => (i === k ? 1 : 0));
      const whole = combined(found.rows, alone);
      const own = plan.generator.filter(({ name }) => name.startsWith('temporal.'));
      const only = new Float64Array(whole.length);
      for (const { offset, size } of own) only.set(whole.subarray(offset, offset + size), offset);
      const norm = Math.sqrt(only.reduce((s, x) => s + x * x, 0));
      expect(norm).toBeGreaterThan(0);
      const at = async (sign: number) => {
        const ahead = initial.generator.map((x, i) => x + (sign * 0.01 * only[i]!) / norm);
        return (await passes.losses(batch, ahead))[k]!;
      };
      expect(((await at(1)) - (await at(-1))) / 0.02 / norm).toBeCloseTo(1, 2);
    }
    // One backward pass for all of them gives their sum.
    const sum = combined(found.rows, equal(3));
    const { gradient } = await passes.gradient(batch, equal(3));
    const scale = Math.max(...sum.map(Math.abs));
    sum.forEach((x, i) => expect(Math.abs(x - gradient[i]!) / scale).toBeLessThan(1e-4));
  });

  it('trains by vamo with a held-out day of its own, by gains kept and as differences', async () => {
    for (const gains of [
      { gains: 'exact', gainsEvery: 2 },
      { gains: 'difference', gainsEvery: 1 },
    ] as const) {
      const weighting = createWeighting('vamo', 3, { normalise: 'meanabs', warmupSteps: 0 });
      const learner = learnerOf(weighting, { design, initial, gains });
      const first = await learner.step({ train: () => batch, validation: () => held }, true);
      for (let i = 0; i < 6; i++)
        await learner.step({ train: () => batch, validation: () => held }, false);
      const last = await learner.step({ train: () => batch, validation: () => held }, false);
      await learner.release();
      first.losses.forEach((loss, k) => expect(last.losses[k]).toBeLessThan(loss));
    }
  });
});
