import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isVamoError, stackOf, type VamoError } from '../../src/core/index.ts';
import { openDirectoryStore } from '../../src/store/index.ts';
import { train } from '../../src/trainer/index.ts';
import {
  createWeighting,
  type Weighting,
  type WeightingMethod,
} from '../../src/trainer/weighting/index.ts';
import { ownMethod } from '../../src/trainer/weighting/own-method.ts';
import { tinyTraining, trainOptions } from '../helpers/trainer.ts';
import { syntheticInput } from '../helpers/weighting-inputs.ts';

const boom = (): never => {
  throw new Error('boom');
};

/** A method with some parts as a user may get them wrong. */
function mine(parts: Record<string, unknown>, rest: Partial<WeightingMethod> = {}) {
  const create = (tasks: number): Weighting => ({
    ...{ needs: new Set(), scope: 'all', metric: 'euclid', headPolicy: 'weighted' },
    headScale: 'one',
    step: () => ({ weights: new Float64Array(tasks).fill(0.5), diagnostics: {} }),
    save: () => ({}),
    load: () => undefined,
    ...parts,
  });
  const told = { name: 'mine', summary: 's', source: 's', cost: 'F + B' };
  return ownMethod({ ...told, create, ...rest }, '/m/mine.mjs');
}

function failureOf(work: () => unknown): VamoError {
  try {
    work();
  } catch (error) {
    if (isVamoError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
}

describe('a method of one’s own', () => {
  it.each<[Record<string, unknown>, RegExp]>([
    [{ needs: [] }, /^mine: create returned needs: \[\]; must be a Set of losses, gram, /],
    [{ needs: new Set(['gramm']) }, /needs: Set\(1\) \{ 'gramm' \}; must be a Set of losses, gram/],
    [{ scope: 'shred' }, /scope: 'shred'; .*"all"\|"shared"/],
    [{ headPolicy: undefined }, /headPolicy: undefined; .*"weighted"\|"unweighted"/],
    [{ step: 3 }, /step: 3; must be a function/],
    [{ observe: 'x' }, /observe: 'x'; must be a function/],
    [{ validationEvery: 0 }, /validationEvery: 0; /],
  ])('is refused where create returns %j', (parts, message) => {
    const error = failureOf(() => createWeighting(mine(parts), 2));
    expect(error.code).toBe('WEIGHTING_INVALID');
    expect(error.message).toMatch(message);
    expect(error.mend).toContain('/m/mine.mjs');
  });

  const weights = Float64Array.of(0.5, 0.5);
  it.each<[unknown, RegExp]>([
    [undefined, /^mine: step returned undefined; /],
    [{ weights }, /^mine: step returned diagnostics: undefined; /],
    [{ weights: [0.5, 0.5], diagnostics: {} }, /weights: \[ 0\.5, 0\.5 \]; must be a Float64Array/],
    [{ weights, diagnostics: { a: 'x' } }, /diagnostics\.a: 'x'; must be a number/],
    [{ weights, diagnostics: {}, direction: weights }, /a direction; must have "gradients" among/],
  ])('is refused where step returns %j', (answer, message) => {
    const weighting = createWeighting(mine({ step: () => answer }), 2);
    expect(failureOf(() => weighting.step(syntheticInput(2))).message).toMatch(message);
  });

  it('may give figures that are not finite, and parts that use `this`', () => {
    class Counting {
      get needs() {
        return new Set();
      }
      readonly scope = 'all';
      readonly metric = 'euclid';
      readonly headPolicy = 'weighted';
      readonly headScale = 'one';
      seen = 0;
      step = () => ({ weights, diagnostics: { seen: this.seen, none: NaN } });
      observe(): void {
        this.seen++;
      }
      save() {
        return { seen: this.seen };
      }
      load(): void {
        this.seen = 0;
      }
    }
    const create = () => new Counting() as unknown as Weighting;
    const weighting = createWeighting(mine({}, { create }), 2);
    const input = syntheticInput(2);
    weighting.step(input);
    weighting.observe?.({ losses: Float64Array.of(1, 2) });
    expect(weighting.step(input).diagnostics).toEqual({ seen: 1, none: NaN });
    expect(weighting.save()).toMatchObject({ state: { seen: 1 } });
  });

  it.each([{ seen: new Float64Array(2) }, { seen: [NaN] }])(
    'is refused when its state would come back as another: %j',
    (state) => {
      const weighting = createWeighting(mine({ save: () => state }), 2);
      expect(failureOf(() => weighting.save()).message).toMatch(
        /^mine: save returned seen: .*; must be plain JSON$/,
      );
    },
  );

  it('that throws is named with the part, and the own error is kept', () => {
    const thrown = (work: () => unknown) => {
      const error = failureOf(work);
      expect(error.mend).toContain('/m/mine.mjs');
      expect(stackOf(error)).toMatch(
        /caused by: Error: boom\n.*at \S*boom .*\(.*own-method\.test\.ts/,
      );
      return error.message;
    };
    const weighting = createWeighting(
      mine({ step: boom, save: boom, load: boom, observe: boom }),
      2,
    );
    const saved = createWeighting(mine({}), 2).save();
    const losses = Float64Array.of(1, 2);
    expect(thrown(() => weighting.step(syntheticInput(2)))).toBe('mine: step threw: boom');
    expect(thrown(() => weighting.observe?.({ losses }))).toBe('mine: observe threw: boom');
    expect(thrown(() => weighting.save())).toBe('mine: save threw: boom');
    expect(thrown(() => weighting.load(saved))).toBe('mine: load threw: boom');
    expect(thrown(() => createWeighting(mine({}, { create: boom }), 2))).toBe(
      'mine: create threw: boom',
    );
  });

  it('that lists its options refuses others, the most similar first', () => {
    const listing = mine({}, { options: ['temperature', 'decay'] });
    expect(createWeighting(listing, 2, { temperature: 1, totalWeight: 'one' })).toBeDefined();
    expect(failureOf(() => createWeighting(listing, 2, { temprature: 1 })).message).toMatch(
      /^mine: temprature: no such option; must be one of temperature, /,
    );
    expect(createWeighting(mine({}), 2, { anything: 1 })).toBeDefined();
  });
});

describe('training by a method of one’s own', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'vamo-own-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  const fails = async (name: string, parts: Record<string, unknown>) => {
    const training = { ...tinyTraining, method: 'mine', ownMethod: mine(parts) };
    const store = await openDirectoryStore(join(dir, name));
    return train(trainOptions(store, { steps: 4, training })).catch((error: unknown) => error);
  };

  it('may weigh a task below 0; the entropy is of magnitudes', async () => {
    const step = () => ({ weights: Float64Array.of(-1, 1, 1), diagnostics: {} });
    const training = { ...tinyTraining, method: 'mine', ownMethod: mine({ step }) };
    const store = await openDirectoryStore(join(dir, 'below'));
    const { record } = await train(trainOptions(store, { steps: 1, training }));
    expect(record.history[0]?.weights).toEqual([-1, 1, 1]);
    expect(record.history[0]?.entropy).toBeCloseTo(Math.log(3), 12);
  });

  it('names the step, and the task of a weight that is not finite', async () => {
    let steps = 0;
    const step = () => ({
      weights: Float64Array.of(1, steps++ % 3 === 2 ? NaN : 1, 1),
      diagnostics: {},
    });
    expect(await fails('nan', { step })).toMatchObject({
      code: 'WEIGHTING_INVALID',
      message: 'step 2, task "direct": mine.weights[1]: NaN; the method has no finite answer',
      details: { step: 2, task: 'direct' },
    });
    expect(await fails('observe', { observe: boom })).toMatchObject({
      message: 'step 0: mine: observe threw: boom',
    });
    expect(await fails('save', { save: boom })).toMatchObject({
      message: 'step 4: mine: save threw: boom',
    });
  });
});
