import { expect, it } from 'vitest';
import { checkMethod } from '../../src/cli/check-method.ts';
import { loadConfig } from '../../src/config/index.ts';

it.each<[Record<string, unknown>, RegExp, RegExp]>([
  [{ gains: 'difference' }, /^training\.gains: difference: vamo needs gram$/, /normalise/],
  [{ method: 'dwa', gainsEvery: 2 }, /^training\.gainsEvery: 2: dwa takes no/, /Use 1/],
  [{ method: 'stl', methodOptions: { mainTask: 1 } }, /methodOptions: stl\.mainTask: 1/, /Leave/],
  [{ methodOptions: { lamda: 1 } }, /^training\.methodOptions: vamo: lamda: no such/, /options/],
])('what training would refuse is refused before it starts: %j', async (change, message, mend) => {
  const config = await loadConfig([]);
  const training = { ...config.training, ...change };
  await expect(checkMethod({ ...config, training })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(message) as string,
    mend: expect.stringMatching(mend) as string,
  });
});
