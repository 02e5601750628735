import { describe, expect, it } from 'vitest';
import { createWeighting } from '../../../src/trainer/index.ts';
import type { Need } from '../../../src/trainer/weighting/index.ts';
import type { StepOutcome } from '../../../src/trainer/weighting/method.ts';
import { combined } from '../../../src/trainer/step/inner-products.ts';
import {
  batchAt,
  countedBatches,
  initial,
  learnerOf,
  passesOf,
  probe,
  sgd,
} from '../../helpers/learner.ts';

const norm = (x: ArrayLike<number>): number => Math.hypot(...Array.from(x));

describe('what a method learns from a step', () => {
  it('are the losses and the epoch of each, whether or not it asks for new losses', async () => {
    const told: StepOutcome[] = [];
    const method = probe([], { observe: (outcome) => told.push(outcome) });
    const learner = learnerOf(method, { design: sgd, epochOf: (step) => 10 + step });
    const batches = countedBatches();
    const records = [await learner.step(batches, false), await learner.step(batches, false)];
    await learner.release();
    expect(told.map(({ losses }) => [...losses])).toEqual(records.map(({ losses }) => losses));
    expect(told.map(({ epoch }) => epoch)).toEqual([10, 11]);
    expect(method.seen.map(({ epoch }) => epoch)).toEqual([10, 11]);
    expect(told[0]).not.toHaveProperty('newLosses');
  });

  it('moves the log variances of uw by its rate, down where the loss is below e^s', async () => {
    const weighting = createWeighting('uw', 3, { init: 0, lr: 0.1 });
    const learner = learnerOf(weighting, { design: sgd });
    const batches = countedBatches();
    const { losses, weights: first } = await learner.step(batches, false);
    const { weights: second } = await learner.step(batches, false);
    await learner.release();
    expect(first).toEqual([0.5, 0.5, 0.5]);
    // Adam's first step is its rate, against the sign of 1/2 - L / 2.
    losses.forEach((loss, k) => {
      expect(Math.abs(loss - 1)).toBeGreaterThan(1e-3);
      expect(second[k]).toBeCloseTo(0.5 * Math.exp(loss < 1 ? 0.1 : -0.1), 6);
    });
  });
});

describe('clipping bounds the combined gradient', () => {
  it.each<[string, readonly Need[]]>([
    ['in the fused step', []],
    ['in the step from task gradients', ['gram']],
  ])('%s', async (_, needs) => {
    const { session, passes } = passesOf(sgd);
    const { rows } = await passes.taskGradients(batchAt(10));
    await session.release();
    const free = combined(rows, Float64Array.of(0.5, 0.3, 0.2));
    const clipNorm = norm(free) / 4;
    const moveAt = async (most: number) => {
      const learner = learnerOf(probe(needs), {
        design: { ...sgd, optimiser: { ...sgd.optimiser, clipNorm: most } },
      });
      await learner.step(countedBatches(), false);
      const after = (await learner.read()).vectors['generator']!;
      await learner.release();
      const rate = sgd.optimiser.learningRate;
      return Float64Array.from(after, (x, i) => (initial.generator[i]! - x) / rate);
    };
    const clipped = await moveAt(clipNorm);
    expect(norm(clipped) / clipNorm).toBeCloseTo(1, 4);
    expect(norm(clipped.map((x, i) => x - free[i]! / 4)) / clipNorm).toBeLessThan(1e-4);
    // A bound that is not reached changes nothing.
    expect(norm(await moveAt(4 * clipNorm * 1.01)) / norm(free)).toBeCloseTo(1, 4);
  });
});
