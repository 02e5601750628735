import { describe, expect, it } from 'vitest';
import type { VamoError } from '../../../src/core/index.ts';
import { createWeighting } from '../../../src/trainer/index.ts';
import type { Need } from '../../../src/trainer/weighting/index.ts';
import { countedBatches, design, learnerOf, probe, sgd } from '../../helpers/learner.ts';

describe('gains by differences of losses', () => {
  it.each([
    { scope: 'all', metric: 'euclid' },
    { scope: 'shared', metric: 'euclid' },
    { scope: 'all', metric: 'adam' },
    { scope: 'shared', metric: 'adam' },
  ] as const)(
    'are within half a percent of the exact ones, relative to the largest: %o',
    async (product) => {
      const exact = probe(['validation'], product);
      const cheap = probe(['validation'], product);
      const learners = [
        learnerOf(exact, { design }),
        learnerOf(cheap, { design, gains: { gains: 'difference', gainsEvery: 1 } }),
      ];
      const draws = [countedBatches(), countedBatches()];
      // Some steps, so that Adam's second moment differs from coordinate to coordinate.
      for (let i = 0; i < 4; i++)
        for (const [j, learner] of learners.entries()) await learner.step(draws[j]!, false);
      for (const learner of learners) await learner.release();
      exact.seen.forEach(({ gains, validationNormSquared }, i) => {
        const found = cheap.seen[i]!;
        const largest = Math.max(...gains!.map(Math.abs));
        gains!.forEach((m, k) =>
          expect(Math.abs(m - found.gains![k]!) / largest).toBeLessThan(0.005),
        );
        expect(found.validationNormSquared! / validationNormSquared!).toBeCloseTo(1, 2);
        expect(found.gram).toBeUndefined();
      });
      expect(draws[1]!.drawn).toEqual(draws[0]!.drawn);
    },
  );

  it.each<[string, readonly Need[], RegExp]>([
    ['norms', ['gram', 'validation'], /gains: difference.*needs gram/],
    ['rows', ['gradients', 'validation'], /gains: difference.*needs gradients/],
    ['no gains', [], /gains: difference.*no validation gains/],
  ])('are refused for a method that needs %s', (_, needs, message) => {
    expect(() =>
      learnerOf(probe(needs), { gains: { gains: 'difference', gainsEvery: 1 } }),
    ).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringMatching(message) as string,
      }) as VamoError,
    );
  });

  it('kept between steps are refused for a method that looks at each', () => {
    expect(() =>
      learnerOf(probe(['validation', 'lookahead']), { gains: { gains: 'exact', gainsEvery: 4 } }),
    ).toThrow(/gainsEvery: 4.*needs lookahead/);
  });
});

describe('a step records', () => {
  const gains = { gains: 'difference', gainsEvery: 2 } as const;

  it('the gains that its method was given, also kept ones and those without norms', async () => {
    const method = probe(['validation']);
    const learner = learnerOf(method, { gains });
    const batches = countedBatches();
    const records = [];
    for (let i = 0; i < 4; i++) records.push(await learner.step(batches, false));
    await learner.release();
    records.forEach(({ gradients }, i) => {
      const { gains: given, validationNormSquared } = method.seen[i]!;
      expect(gradients).toEqual({
        gains: [...given!],
        validationNorm: Math.sqrt(validationNormSquared!),
      });
    });
    expect(records[1]!.gradients).toEqual(records[0]!.gradients);
    expect(records[2]!.gradients).not.toEqual(records[0]!.gradients);
  });

  it('norms and cosines of kept products too', async () => {
    const learner = learnerOf(probe(['gram', 'validation']), {
      gains: { gains: 'exact', gainsEvery: 2 },
    });
    const batches = countedBatches();
    const [first, kept] = [await learner.step(batches, false), await learner.step(batches, false)];
    await learner.release();
    expect(first.gradients?.cosines?.every((x) => Math.abs(x) > 0 && Math.abs(x) <= 1)).toBe(true);
    expect(kept.gradients).toEqual(first.gradients);
  });

  it('what the method says of its answer, as far as JSON can hold it', async () => {
    const diagnostics = { residual: 0.25, score: [1, 2, 3], bad: NaN, worse: [1, Infinity, 2] };
    const learner = learnerOf(probe([], { answer: () => ({ diagnostics }) }));
    const record = await learner.step(countedBatches(), false);
    await learner.release();
    expect(record.diagnostics).toEqual({ residual: 0.25, score: [1, 2, 3] });
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
  });

  it.each([{ gains: 'exact', gainsEvery: 1 }, gains] as const)(
    'what vamo foretells by paper eq. 7, at every step: %o',
    async (way) => {
      const options = { preset: 'paper', valEvery: 2 };
      const learner = learnerOf(createWeighting('vamo', 3, options), { design: sgd, gains: way });
      const batches = countedBatches();
      for (let i = 0; i < 4; i++) {
        const { weights, gradients, diagnostics } = await learner.step(batches, false);
        const gain = weights.reduce((total, w, k) => total + w * gradients!.gains[k]!, 0);
        expect(diagnostics!['predictedValChange']).toBeCloseTo(-0.1 * gain, 12);
        expect(diagnostics!['nullWeight']).toBeGreaterThan(0);
      }
      await learner.release();
    },
  );
});

describe('the validation change', () => {
  it('is foretold and measured for a method that takes no gains', async () => {
    const learner = learnerOf(createWeighting('vanilla', 3), { design: sgd });
    const batches = countedBatches();
    const unmeasured = await learner.step(batches, false);
    expect(unmeasured.validationChange).toBeUndefined();
    expect(batches.drawn.validation).toBe(0);
    const { validationChange } = await learner.step(batches, true);
    await learner.release();
    expect(batches.drawn.validation).toBe(1);
    const { predicted, firstOrder, realised } = validationChange!;
    // Plain SGD has no momentum: eq. 7 is the first order of the real step.
    expect(predicted / firstOrder).toBeCloseTo(1, 3);
    expect(predicted).toBeLessThan(0);
    expect(realised / predicted).toBeGreaterThan(0.7);
    expect(realised / predicted).toBeLessThan(1.3);
  });

  it('with Adam counts its momentum in the first order', async () => {
    const learner = learnerOf(createWeighting('vamo', 3, { valEvery: 1 }));
    const batches = countedBatches();
    const changes = [];
    for (let i = 0; i < 8; i++) changes.push((await learner.step(batches, i > 4)).validationChange);
    await learner.release();
    for (const change of changes.slice(5)) {
      expect(change!.predicted).not.toBeCloseTo(change!.firstOrder, 6);
      expect(change!.realised / change!.firstOrder).toBeGreaterThan(0.5);
      expect(change!.realised / change!.firstOrder).toBeLessThan(1.5);
    }
    expect(batches.drawn).toEqual({ train: 8, validation: 8 });
  });
});
