import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkMethod } from '../../src/cli/check-method.ts';
import { loadConfig } from '../../src/config/index.ts';

it.each<[Record<string, unknown>, RegExp, RegExp]>([
  [{ gains: 'difference' }, /^training\.gains: difference: vamo needs gram$/, /normalise/],
  [{ method: 'dwa', gainsEvery: 2 }, /^training\.gainsEvery: 2: dwa takes no/, /Use 1/],
  [{ method: 'stl', methodOptions: { mainTask: 1 } }, /methodOptions: stl\.mainTask: 1/, /Leave/],
  [{ methodOptions: { lamda: 1 } }, /^training\.methodOptions: vamo: lamda: no such/, /options/],
  [{ method: 'mgdaa' }, /^training\.method: "mgdaa" \(did you mean "mgda"\?\); must/, /methodFile/],
  [{ method: 'MGDA' }, /^training\.method: "MGDA" \(did you mean "mgda"\?\); must/, /methodFile/],
  [{ method: 'mine' }, /^training\.method: "mine"; must be one of stl, vanilla/, /methodFile/],
])('what training would refuse is refused before it starts: %j', async (change, message, mend) => {
  const config = await loadConfig([]);
  const training = { ...config.training, ...change };
  await expect(checkMethod({ ...config, training })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(message) as string,
    mend: expect.stringMatching(mend) as string,
  });
});

it('an option of Adam is refused where nothing is learned by Adam', async () => {
  const config = await loadConfig([]);
  const by = (change: object) => ({
    ...config,
    training: { ...config.training, optimiser: { ...config.training.optimiser, ...change } },
  });
  await expect(checkMethod(by({ kind: 'sgd', beta1: 0.5 }))).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'training.optimiser.beta1: 0.5; without effect with kind "sgd"',
    mend: expect.stringContaining('set it to 0.9') as string,
  });
  await expect(checkMethod(by({ kind: 'sgd' }))).resolves.toBeDefined();
  await expect(checkMethod(by({ beta1: 0.5 }))).resolves.toBeDefined();
  const model = { ...config.model, policyHead: 'inverse' } as const;
  await expect(checkMethod({ ...by({ kind: 'sgd', beta1: 0.5 }), model })).resolves.toBeDefined();
});

describe('a method file', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'vamo-check-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it.each([
    ['{}', /^training\.methodFile: mine: create returned needs: undefined; must be a Set/],
    ['fail()', /^training\.methodOptions: mine: create threw: on purpose/],
  ])('that creates %s is refused before the night', async (made, message) => {
    const methodFile = join(dir, `${made.length}.mjs`);
    const text =
      `const fail = () => { throw new Error('on purpose'); };` +
      `export const method = { name: 'mine', summary: '', source: '', cost: '', create: () => (${made}) };`;
    await writeFile(methodFile, text);
    const config = await loadConfig([]);
    const training = { ...config.training, method: 'mine', methodFile };
    await expect(checkMethod({ ...config, training })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message) as string,
      mend: expect.stringContaining(methodFile) as string,
    });
  });
});

it.each([
  [{ method: 'mgdaa' }, /^--method: "mgdaa" \(did you mean "mgda"\?\)/],
  [{ methodOptions: { presett: 1 } }, /^--method-options: vamo: presett: no such option/],
])('a bad value of the command line is bad usage: %j', async (given, message) => {
  const config = await loadConfig([]);
  const training = { ...config.training, ...given };
  await expect(checkMethod({ ...config, training }, given)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(message) as string,
  });
});
