import { describe, expect, it } from 'vitest';
import { createWeighting } from '../../../src/trainer/index.ts';
import { crossProducts } from '../../../src/trainer/step/inner-products.ts';
import { batchAt, countedBatches, design, learnerOf, passesOf } from '../../helpers/learner.ts';

describe('perTaskClip with the default preset, under Adam', () => {
  it('bounds each whole gradient to the limit, and leaves shorter ones their weight', async () => {
    const { session, passes } = passesOf(design);
    const lengths = async (seed: number): Promise<number[]> => {
      const { rows } = await passes.taskGradients(batchAt(seed));
      const squares = crossProducts(rows, rows, { scope: 'all', metric: null });
      return [0, 4, 8].map((at) => Math.sqrt(squares[at]!));
    };
    const limit = [...(await lengths(10))].sort((a, b) => a - b)[1]!;
    const learner = learnerOf(createWeighting('vamo', 3, { perTaskClip: limit }));
    const batches = countedBatches();
    for (const seed of [10, 20, 30]) {
      session.load(await learner.read());
      const norms = await lengths(seed);
      const { weights } = await learner.step(batches, false);
      // Warm-up: 1/3 each before the clip.
      norms.forEach((norm, k) => expect(weights[k]! * 3).toBeCloseTo(Math.min(1, limit / norm), 5));
    }
    await learner.release();
    await session.release();
  });

  it('is refused where gradients are not looked at in each step', () => {
    const vamo = createWeighting('vamo', 3, { perTaskClip: 1, normalise: 'none' });
    const refused = (gains: 'exact' | 'difference', gainsEvery: number) =>
      expect(() => learnerOf(vamo, { gains: { gains, gainsEvery } })).toThrow('vamo needs norms');
    refused('exact', 2);
    refused('difference', 1);
  });
});
