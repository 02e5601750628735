import { afterAll, describe, expect, it } from 'vitest';
import {
  createWeighting,
  type Need,
  type Weighting,
} from '../../../src/trainer/weighting/index.ts';
import type { StepOutcome, WeightingOutput } from '../../../src/trainer/weighting/method.ts';
import {
  combined,
  crossProducts,
  gainsAgainst,
  moved,
  squaredNorm,
} from '../../../src/trainer/step/inner-products.ts';
import { equal } from '../../../src/trainer/step/sight.ts';
import {
  batchAt,
  countedBatches,
  initial,
  learnerOf,
  passesOf,
  plan,
  probe,
  sgd,
} from '../../helpers/learner.ts';

/** The first batches that `countedBatches` draws. */
const [batch, second, third, held] = [batchAt(10), batchAt(20), batchAt(30), batchAt(1010)];
const theta = initial.generator;
const weights = Float64Array.of(0.5, 0.3, 0.2);
const rate = sgd.optimiser.learningRate;
const plain = { scope: 'all', metric: null } as const;

const { session, passes } = passesOf(sgd);
afterAll(() => session.release());
const rowsOf = async (feeds: typeof batch) => (await passes.taskGradients(feeds)).rows;
const heldGradient = async (at = theta) => (await passes.gradient(held, equal(3), at)).gradient;

/** One SGD step of a method that needs `needs`: what it saw, what was drawn, where theta went. */
async function stepOf(needs: readonly Need[], more: Parameters<typeof probe>[1] = {}) {
  const method = probe(needs, more);
  const learner = learnerOf(method, { design: sgd });
  const batches = countedBatches();
  const record = await learner.step(batches, false);
  const after = (await learner.read()).vectors['generator']!;
  await learner.release();
  return { seen: method.seen[0]!, drawn: batches.drawn, after, record };
}

function expectClose(
  found: ArrayLike<number> | undefined,
  wanted: ArrayLike<number>,
  within = 1e-5,
) {
  expect(found?.length).toBe(wanted.length);
  const scale = Math.max(...Array.from(wanted, Math.abs));
  const apart = Array.from(wanted, (x, i) => Math.abs(x - (found?.[i] ?? Number.NaN)));
  expect(Math.max(...apart) / scale).toBeLessThan(within);
}

/** (theta - theta') / rate, the direction of an SGD step; theta's own rounding comes along. */
const directionTo = (after: Float32Array) => after.map((x, i) => (theta[i]! - x) / rate);

describe('a method that needs', () => {
  it('nothing sees nothing and moves along its weighted gradients', async () => {
    const { seen, drawn, after } = await stepOf([]);
    expect(seen.losses).toBeUndefined();
    expect(seen.gram).toBeUndefined();
    expect(drawn).toEqual({ train: 1, validation: 0 });
    expectClose(directionTo(after), combined(await rowsOf(batch), weights));
  });

  it.each(['one', 'mean'] as const)(
    'nothing, with unweighted heads (%s), weighs the trunk alone',
    async (headScale) => {
      const { after } = await stepOf([], { headPolicy: 'unweighted', headScale });
      const rows = await rowsOf(batch);
      const wanted = combined(rows, weights);
      const head = combined(rows, new Float64Array(3).fill(headScale === 'one' ? 1 : 1 / 3));
      wanted.set(head.subarray(plan.sharedSize), plan.sharedSize);
      expectClose(directionTo(after), wanted);
    },
  );

  it('losses gets those of its batch, and the ones after the update if it asks', async () => {
    const told: StepOutcome[] = [];
    const observe = (outcome: StepOutcome) => told.push(outcome);
    const { seen, drawn, after } = await stepOf(['losses', 'newLosses'], { observe });
    expect(seen.losses).toEqual(await passes.losses(batch));
    expectClose(told[0]?.losses, seen.losses!, 1e-6);
    expect(told[0]?.newLosses).toEqual(await passes.losses(batch, after));
    expect(told[0]?.newLosses).not.toEqual(told[0]?.losses);
    expect(drawn).toEqual({ train: 1, validation: 0 });
  });

  it('gram and validation gets the inner products with the held-out gradient', async () => {
    const { seen, drawn, after, record } = await stepOf(['gram', 'validation']);
    const rows = await rowsOf(batch);
    const v = await heldGradient();
    expectClose(seen.gram, crossProducts(rows, rows, plain));
    expectClose(seen.gains, gainsAgainst(v, rows, plain));
    expect(seen.validationNormSquared! / squaredNorm(v, plan.sharedSize, plain)).toBeCloseTo(1, 5);
    expect(drawn).toEqual({ train: 1, validation: 1 });
    expectClose(directionTo(after), combined(rows, weights));
    expect(record.gradients?.gains).toEqual([...seen.gains!]);
  });

  it('norms gets the lengths of whole gradients, whatever the scope', async () => {
    const { seen } = await stepOf(['norms', 'gram', 'validation'], { scope: 'shared' });
    const rows = await rowsOf(batch);
    const squares = crossProducts(rows, rows, plain);
    const wanted = [0, 4, 8].map((at) => Math.sqrt(squares[at]!));
    expectClose(seen.norms, wanted);
    expect(Math.sqrt(seen.gram![0]!) / seen.norms![0]!).toBeLessThan(0.99);
  });

  it('the signal of its own batch draws no held-out one', async () => {
    const { seen, drawn } = await stepOf(['gram', 'validation'], { validationSignal: 'train' });
    expect(drawn).toEqual({ train: 1, validation: 0 });
    const rows = await rowsOf(batch);
    const own = Float32Array.from(combined(rows, equal(3)));
    expectClose(seen.gains, gainsAgainst(own, rows, plain));
  });

  it('gradients gets the rows and may answer with a direction for the trunk', async () => {
    const rows = await rowsOf(batch);
    const answer = (input: Parameters<Weighting['step']>[0]): Partial<WeightingOutput> => ({
      direction: input.gradients!.shared[1]!.map((x) => 2 * x),
    });
    const { seen, after } = await stepOf(['gradients'], { answer, headPolicy: 'unweighted' });
    expectClose(seen.gradients?.shared[2], rows.shared[2]!);
    const sizes = seen.gradients!.tensorSizes;
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(plan.sharedSize);
    const wanted = combined(rows, Float64Array.of(0, 2, 0));
    wanted.set(combined(rows, Float64Array.of(1, 1, 1)).subarray(plan.sharedSize), plan.sharedSize);
    expectClose(directionTo(after), wanted);
  });

  it('crossGram gets the products of two further training batches', async () => {
    const { seen, drawn, after } = await stepOf(['crossGram']);
    expect(drawn).toEqual({ train: 3, validation: 0 });
    expectClose(seen.crossGram, crossProducts(await rowsOf(second), await rowsOf(third), plain));
    expectClose(directionTo(after), combined(await rowsOf(batch), weights));
  });

  it('virtualStep gets the gains where its current weights lead', async () => {
    const current = () => Float64Array.of(3, 2, 1);
    const { seen, drawn } = await stepOf(['virtualStep'], { current });
    const rows = await rowsOf(batch);
    const ahead = moved(theta, combined(rows, current()), -rate);
    expectClose(seen.virtualGains, gainsAgainst(await heldGradient(ahead), rows, plain), 1e-4);
    expect(drawn).toEqual({ train: 1, validation: 1 });
  });

  it('virtualStep with a rate of its own looks ahead by that one', async () => {
    const autolambda = createWeighting('autolambda', 3, { stepRate: 7 * rate });
    const { virtualRate } = autolambda;
    const current = () => autolambda.current!();
    const { seen } = await stepOf(['virtualStep'], {
      current,
      virtualRate: virtualRate!,
    });
    const rows = await rowsOf(batch);
    const [near, far] = [1, 7].map((by) => moved(theta, combined(rows, current()), -by * rate));
    expectClose(seen.virtualGains, gainsAgainst(await heldGradient(far), rows, plain), 1e-4);
    const other = gainsAgainst(await heldGradient(near), rows, plain);
    expect(Math.abs(seen.virtualGains![0]! / other[0]! - 1)).toBeGreaterThan(0.01);
  });

  it('lookahead gets the held-out losses after a step along each task alone', async () => {
    const { seen, drawn } = await stepOf(['lookahead']);
    const rows = await rowsOf(batch);
    expectClose(seen.lookahead?.before, await passes.losses(held));
    for (const k of [0, 1, 2]) {
      const alone = Float64Array.from({ length: 3 }, (_, i) => (i === k ? 1 : 0));
      const ahead = moved(theta, combined(rows, alone), -rate);
      const row = seen.lookahead!.after.subarray(3 * k, 3 * k + 3);
      expectClose(row, await passes.losses(held, ahead));
    }
    expect(drawn).toEqual({ train: 1, validation: 1 });
  });

  it.each([
    ['its current weights', [2, 0.5, 0.25]],
    ['the first task alone', [1, 0, 0]],
    ['the last task alone', [0, 0, 1]],
  ])('hypergradient gets v^T (I - r H)^i g, H of %s', async (_, of) => {
    const rate2 = 0.4;
    const current = () => Float64Array.from(of);
    const none = await stepOf(['hypergradient'], { current, neumann: { rate: rate2, terms: 0 } });
    const one = await stepOf(['hypergradient'], { current, neumann: { rate: rate2, terms: 1 } });
    const rows = await rowsOf(batch);
    const v = await heldGradient();
    expectClose(none.seen.hyperGains, gainsAgainst(v, rows, plain));
    /** sum_k current_k L_k at theta + a u + b w. */
    const lossAt = async (u: ArrayLike<number>, a: number, w: ArrayLike<number>, b: number) => {
      const found = await passes.losses(batch, moved(moved(theta, u, a), w, b));
      return found.reduce((sum, loss, k) => sum + of[k]! * loss, 0);
    };
    const length = (x: ArrayLike<number>) =>
      Math.sqrt(Array.from(x).reduce((s, y) => s + y * y, 0));
    const wanted: number[] = [];
    for (const k of [0, 1, 2]) {
      const g = combined(
        rows,
        Float64Array.from({ length: 3 }, (_, i) => (i === k ? 1 : 0)),
      );
      const [a, b] = [0.02 / length(v), 0.02 / length(g)];
      // The mixed second derivative from losses alone: v^T H g.
      const mixed =
        (await lossAt(v, a, g, b)) -
        (await lossAt(v, a, g, -b)) -
        (await lossAt(v, -a, g, b)) +
        (await lossAt(v, -a, g, -b));
      wanted.push(2 * none.seen.hyperGains![k]! - (rate2 * mixed) / (4 * a * b));
    }
    expectClose(one.seen.hyperGains, wanted, 0.03);
    // The second-order part is no rounding error: leaving it out would be seen.
    expect(Math.abs(wanted[0]! / (2 * none.seen.hyperGains![0]!) - 1)).toBeGreaterThan(0.06);
  });
});

describe('what a step keeps', () => {
  it('with validationEvery is v, taken anew at every n-th step', async () => {
    const method = probe(['validation'], { validationEvery: 2 });
    const learner = learnerOf(method, { design: sgd });
    const batches = countedBatches();
    const kept: Float32Array[] = [];
    for (let i = 0; i < 4; i++) {
      await learner.step(batches, false);
      kept.push((await learner.read()).vectors['validation']!);
    }
    await learner.release();
    expect(batches.drawn).toEqual({ train: 4, validation: 2 });
    expect(kept[1]).toBe(kept[0]);
    expect(kept[2]).not.toEqual(kept[1]);
    expect(kept[3]).toBe(kept[2]);
    const rows = await rowsOf(batch);
    expectClose(method.seen[0]?.gains, gainsAgainst(kept[0]!, rows, plain));
    // Step 1 multiplies its own gradients with step 0's v.
    expect(method.seen[1]?.gains).not.toEqual(method.seen[0]?.gains);
  });

  it('with both validationEvery and gainsEvery is v until it is old enough at a look', async () => {
    const method = probe(['validation'], { validationEvery: 4 });
    const learner = learnerOf(method, { design: sgd, gains: { gains: 'exact', gainsEvery: 3 } });
    const batches = countedBatches();
    const drawn: number[] = [];
    for (let i = 0; i < 10; i++) {
      await learner.step(batches, false);
      drawn.push(batches.drawn.validation);
    }
    await learner.release();
    // Looks at 0, 3, 6, 9; v is 3 steps old at the second and 6 at the third.
    expect(drawn).toEqual([1, 1, 1, 1, 1, 1, 2, 2, 2, 2]);
  });

  it('with gainsEvery are the inner products, and the steps between are fused', async () => {
    const method = probe(['gram', 'validation']);
    const learner = learnerOf(method, { design: sgd, gains: { gains: 'exact', gainsEvery: 3 } });
    const batches = countedBatches();
    for (let i = 0; i < 4; i++) await learner.step(batches, false);
    await learner.release();
    const [a, b, c, d] = method.seen;
    for (const name of ['gram', 'gains', 'validationNormSquared'] as const) {
      expect(b?.[name]).toEqual(a?.[name]);
      expect(c?.[name]).toEqual(a?.[name]);
      expect(d?.[name]).not.toEqual(a?.[name]);
    }
    expect(batches.drawn).toEqual({ train: 4, validation: 2 });
  });
});
