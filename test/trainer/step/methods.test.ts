import { describe, expect, it } from 'vitest';
import { restoreRandom, seededRandom } from '../../../src/core/index.ts';
import { createWeighting } from '../../../src/trainer/index.ts';
import { weightingMethods } from '../../../src/trainer/weighting/index.ts';
import { countedBatches, design, learnerOf } from '../../helpers/learner.ts';

/** Steps before and after the point to which everything goes back. */
const [BEFORE, AFTER] = [3, 2];

describe('every registered method trains, and goes on bit for bit from its saved state:', () => {
  it.each([...weightingMethods.keys()])('%s', async (name) => {
    const weighting = createWeighting(name, 3);
    let random = seededRandom(8);
    const learner = learnerOf(weighting, {
      design,
      random: {
        next: () => random.next(),
        uint32: () => random.uint32(),
        below: (n) => random.below(n),
        normal: () => random.normal(),
        state: () => random.state(),
      },
      epochOf: (step) => Math.floor(step / 2),
    });
    const batches = countedBatches();
    for (let i = 0; i < BEFORE; i++) await learner.step(batches, false);
    const saved = JSON.stringify({
      weighting: weighting.save(),
      random: random.state(),
      drawn: batches.drawn,
    });
    const at = await learner.read();
    // Measuring costs other methods two graphs more; one of them stands for all.
    const measured = weighting.needs.has('validation') || name === 'vanilla';
    const goOn = async () => {
      const records = [];
      for (let i = 0; i < AFTER; i++)
        records.push(await learner.step(batches, measured && i === 0));
      return { records, vectors: (await learner.read()).vectors };
    };
    const first = await goOn();
    const known = JSON.parse(saved) as {
      weighting: ReturnType<typeof weighting.save>;
      random: number[];
      drawn: typeof batches.drawn;
    };
    weighting.load(known.weighting);
    random = restoreRandom(known.random);
    Object.assign(batches.drawn, known.drawn);
    learner.load(at);
    const again = await goOn();
    await learner.release();
    expect(again).toEqual(first);
    const [record] = first.records;
    expect(record?.weights.every(Number.isFinite)).toBe(true);
    if (measured)
      expect(Object.values(record?.validationChange ?? {}).filter(Number.isFinite).length).toBe(3);
    expect(first.vectors['generator']).not.toEqual(at.vectors['generator']);
  });
});
