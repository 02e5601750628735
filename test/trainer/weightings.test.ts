import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openDirectoryStore } from '../../src/store/index.ts';
import { checkWeighting, train } from '../../src/trainer/index.ts';
import { tinyTraining, trainOptions } from '../helpers/trainer.ts';

type Change = Partial<typeof tinyTraining>;

const refusal = (change: Change): unknown => {
  try {
    checkWeighting({ ...tinyTraining, ...change }, 3);
  } catch (error) {
    return error;
  }
  throw new Error('was accepted');
};

describe('a run’s weightings', () => {
  it.each<[Change, string, RegExp]>([
    [{ methodOptions: { lamda: 1 } }, 'WEIGHTING_INVALID', /^vamo: lamda: no such option/],
    [{ gains: 'difference' }, 'CONFIG_INVALID', /^training\.gains: difference: vamo needs gram$/],
    [{ method: 'famo', gainsEvery: 4 }, 'CONFIG_INVALID', /^training\.gainsEvery: 4: famo takes/],
    [{ method: 'stl', gainsEvery: 4 }, 'CONFIG_INVALID', /^training\.gainsEvery: 4: stl takes/],
    [{ method: 'stl', methodOptions: { mainTask: 1 } }, 'WEIGHTING_INVALID', /^stl\.mainTask: 1; /],
    [{ method: 'stl', methodOptions: { scope: 'shared' } }, 'WEIGHTING_INVALID', /^stl\.scope: /],
    [{ method: 'stl', methodOptions: { alpha: 2 } }, 'WEIGHTING_INVALID', /^stl: alpha: no such/],
  ])('are refused before a step is made: %j', (change, code, message) => {
    expect(refusal(change)).toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it('stl’s options reach every task’s model', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'vamo-stl-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const weightsAt = async (methodOptions: Record<string, unknown>) => {
      const store = await openDirectoryStore(join(directory, JSON.stringify(methodOptions)));
      const training = { ...tinyTraining, method: 'stl', methodOptions };
      return (await train(trainOptions(store, { training, steps: 1 }))).record.history[0]?.weights;
    };
    expect(await weightsAt({})).toEqual([1, 1, 1]);
    expect(await weightsAt({ totalWeight: 'K' })).toEqual([3, 3, 3]);
  });
});
