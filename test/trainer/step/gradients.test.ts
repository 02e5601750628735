import { afterAll, describe, expect, it } from 'vitest';
import { batchCounts, createWeighting } from '../../../src/trainer/index.ts';
import {
  adamMetric,
  crossProducts,
  gainsAgainst,
  squaredNorm,
} from '../../../src/trainer/step/inner-products.ts';
import type { Look } from '../../../src/trainer/step/products.ts';
import { vector } from '../../../src/trainer/step/session.ts';
import { equal } from '../../../src/trainer/step/sight.ts';
import { batchAt, design, initial, learnerOf, passesOf, plan } from '../../helpers/learner.ts';

const { session, passes } = passesOf();
const batch = batchAt(1);
const held = batchAt(50);
const theta = initial.generator;
afterAll(() => session.release());

/** Change of some losses' mean along a unit direction, by central differences. */
async function slopeOf(direction: Float32Array, feeds: typeof batch, tasks: number[]) {
  const norm = Math.sqrt(direction.reduce((s, x) => s + x * x, 0));
  const step = 0.02;
  const at = async (sign: number): Promise<number> => {
    const ahead = theta.map((x, i) => x + (sign * step * (direction[i] ?? 0)) / norm);
    const found = await passes.losses(feeds, ahead);
    return tasks.reduce((s, k) => s + (found[k] ?? 0), 0) / tasks.length;
  };
  return { slope: ((await at(1)) - (await at(-1))) / (2 * step), norm };
}

describe('gradients of the step', () => {
  it.each([0, 1, 2])(
    'are those of task %i by finite differences, and zero on other heads',
    async (k) => {
      const { rows } = await passes.taskGradients(batch);
      const whole = new Float32Array(plan.generatorSize);
      whole.set(rows.shared[k]!, 0);
      whole.set(rows.heads[k]!, plan.sharedSize + k * plan.headSize);
      const own = await slopeOf(whole, batch, [k]);
      expect(own.slope / own.norm).toBeCloseTo(1, 2);
      const elsewhere = whole.map((_, i) => {
        const head = Math.floor((i - plan.sharedSize) / plan.headSize);
        return i >= plan.sharedSize && head !== k ? 1 : 0;
      });
      expect((await slopeOf(elsewhere, batch, [k])).slope).toBe(0);
    },
  );

  it('are those of the mean validation loss by finite differences', async () => {
    const { gradient } = await passes.gradient(held, equal(3));
    const { slope, norm } = await slopeOf(gradient, held, [0, 1, 2]);
    expect(slope / norm).toBeCloseTo(1, 2);
  });

  it('add up to the gradient of the weighted loss', async () => {
    const weights = Float64Array.of(0.7, 0.1, 0.4);
    const { rows, losses } = await passes.taskGradients(batch);
    const whole = await passes.gradient(batch, weights);
    whole.losses.forEach((loss, k) => expect(loss).toBeCloseTo(losses[k]!, 5));
    const shared = rows.shared[0]!.map((_, i) =>
      rows.shared.reduce((s, row, k) => s + weights[k]! * row[i]!, 0),
    );
    const scale = Math.max(...shared.map(Math.abs));
    shared.forEach((x, i) => expect(Math.abs(x - whole.gradient[i]!) / scale).toBeLessThan(1e-5));
  });
});

describe('inner products inside the graph', () => {
  /** A second moment with entries from 1e-6 up, as after some steps. */
  const square = theta.map((x, i) => 1e-6 + (x * x * (1 + (i % 7))) / 50);
  const steps = 7;

  it.each<Look>([
    { scope: 'all', metric: 'euclid', validation: 'heldout' },
    { scope: 'shared', metric: 'euclid', validation: 'heldout' },
    { scope: 'all', metric: 'adam', validation: 'heldout' },
    { scope: 'shared', metric: 'adam', validation: 'train' },
    { scope: 'all', metric: 'euclid', validation: 'none' },
  ])('are the float64 ones of the same vectors: %o', async (look) => {
    const { session: own, passes: at } = passesOf();
    const { vectors } = await own.read();
    own.load({ step: steps, vectors: { ...vectors, generatorSquare: square } });
    const { gradient: v } = await at.gradient(held, equal(3));
    const { rows, products } = await at.taskGradients(batch, look, vector(v));
    await own.release();
    const metric =
      look.metric === 'adam'
        ? adamMetric(square, 1 - design.optimiser.beta2 ** steps, design.optimiser.epsilon)
        : null;
    const product = { scope: look.scope, metric };
    const gram = crossProducts(rows, rows, product);
    const norm = (k: number): number => Math.sqrt(gram[4 * k]!);
    for (let j = 0; j < 3; j++)
      for (let k = 0; k < 3; k++)
        expect(
          Math.abs(products!.gram[3 * j + k]! - gram[3 * j + k]!) / (norm(j) * norm(k)),
        ).toBeLessThan(1e-6);
    if (look.validation === 'none') return expect(products!.gains.length).toBe(0);
    const used = rows.validation!;
    const gains = gainsAgainst(used, rows, product);
    const square2 = squaredNorm(used, plan.sharedSize, product);
    expect(products!.validationNormSquared / square2).toBeCloseTo(1, 6);
    gains.forEach((m, k) =>
      expect(Math.abs(products!.gains[k]! - m) / (norm(k) * Math.sqrt(square2))).toBeLessThan(1e-6),
    );
    if (look.validation === 'train')
      // v is the mean of the rows, so the gains are the Gram matrix's row means.
      gains.forEach((m, k) =>
        expect(m).toBeCloseTo((gram[k]! + gram[3 + k]! + gram[6 + k]!) / 3, 3),
      );
  });
});

describe('a step', () => {
  it('by one fused graph equals a step by gradients with equal weights', async () => {
    const learners = [
      createWeighting('vanilla', 3),
      // An infinite temperature makes VAMO's weights equal.
      createWeighting('vamo', 3, { preset: 'paper', lambda: Infinity }),
    ].map((weighting) => learnerOf(weighting));
    for (let i = 0; i < 3; i++)
      for (const learner of learners)
        await learner.step({ train: () => batchAt(i), validation: () => batchAt(60 + i) }, false);
    const states = await Promise.all(learners.map((learner) => learner.read()));
    const [fused, split] = states.map(({ vectors }) => vectors);
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
