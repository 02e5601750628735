import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig, trainingConfigHash } from '../../src/config/index.ts';
import { isVamoError, type VamoError } from '../../src/core/index.ts';
import {
  createWeighting,
  loadMethodFile,
  methodFileDigest,
} from '../../src/trainer/weighting/index.ts';
import { syntheticInput } from '../helpers/weighting-inputs.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vamo-method-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function fileOf(name: string, text: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, text);
  return path;
}

const failureOf = async (work: Promise<unknown>): Promise<VamoError> => {
  try {
    await work;
  } catch (error) {
    if (isVamoError(error)) return error;
    throw error;
  }
  throw new Error('was accepted');
};

const METHOD = `export const method = {
  name: 'mine', summary: 's', source: 's', cost: 'F + B',
  create: (tasks) => ({
    needs: new Set(), scope: 'all', metric: 'euclid', headPolicy: 'weighted', headScale: 'one',
    step: () => ({ weights: new Float64Array(tasks).fill(0.5), diagnostics: {} }),
    save: () => ({}), load: () => undefined,
  }),
};`;

describe('a method file', () => {
  it('as in docs/methods.md loads, weighs and keeps its state', async () => {
    const docs = await readFile(new URL('../../docs/methods.md', import.meta.url), 'utf8');
    const [, example] = /```ts\n(.*?)```/s.exec(docs)!;
    const path = await fileOf('slowest-first.ts', example!);
    const method = await loadMethodFile(path, { name: 'slowest-first' });
    const weighting = createWeighting(method, 2, { temperature: 0.5, totalWeight: 'K' });
    const input = syntheticInput(2);
    expect([...weighting.step(input).weights]).toEqual([1, 1]);
    weighting.observe!({ losses: Float64Array.of(1, 5) });
    const { weights } = weighting.step(input);
    expect(weights[1]! / weights[0]!).toBeCloseTo(Math.exp(0.4 / 0.5), 12);
    const again = createWeighting(method, 2, { temperature: 0.5, totalWeight: 'K' });
    again.load(JSON.parse(JSON.stringify(weighting.save())) as Record<string, unknown>);
    expect(again.step(input)).toEqual(weighting.step(input));
    expect(() => createWeighting(method, 2, { temperature: 0 })).toThrow('temperature: 0');
  });

  it.each([
    ['no-export.mjs', 'export const other = 1;', /mjs: method: /, /^Export `method`: /],
    ['no-create.mjs', METHOD.replace('create:', 'make:'), /method\.create: no function/, /^Export/],
    [
      'throws.mjs',
      'throw new Error("on purpose");',
      /does not load: on purpose/,
      /^Correct the file/,
    ],
    ['syntax.mjs', 'export const method = {', /does not load: /, /^Correct the file/],
    [
      'pcgrad.mjs',
      METHOD.replace("'mine'", "'pcgrad'"),
      /like a built-in/,
      /^Give it a name of its/,
    ],
    [
      'other.mjs',
      METHOD.replace("'mine'", "'yours'"),
      /must agree/,
      /^Set .* to "yours", or .*"mine"/,
    ],
  ])('%s is refused by key, path and problem', async (name, text, message, mend) => {
    const error = await failureOf(loadMethodFile(await fileOf(name, text), { name: 'mine' }));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(`training.methodFile: ${join(dir, name)}: `);
    expect(error.message).toMatch(message);
    expect(error.mend).toMatch(mend);
  });

  it('that is not there is refused', async () => {
    const path = join(dir, 'nowhere.mjs');
    const error = await failureOf(loadMethodFile(path, { name: 'mine' }));
    expect([error.code, error.mend]).toEqual([
      'CONFIG_INVALID',
      expect.stringMatching(/^Correct the path/),
    ]);
    expect((await failureOf(methodFileDigest(path))).message).toContain('cannot be read');
  });

  it('with other bytes than the run began with is refused', async () => {
    const path = await fileOf('changing.mjs', METHOD);
    const sha256 = await methodFileDigest(path);
    await expect(loadMethodFile(path, { name: 'mine', sha256 })).resolves.toBeDefined();
    await fileOf('changing.mjs', METHOD.replace('0.5', '0.6'));
    const error = await failureOf(loadMethodFile(path, { name: 'mine', sha256 }));
    expect(error.code).toBe('TRAIN_RESUME_MISMATCH');
  });
});

describe('a configured method file', () => {
  it('is named relative to the configuration file, and its bytes count, not its place', async () => {
    const training = { method: 'mine', methodFile: './mine.mjs' };
    const config = await loadConfig([await fileOf('own.json', JSON.stringify({ training }))]);
    expect(config.training.methodFile).toBe(join(dir, 'mine.mjs'));
    const elsewhere = { ...config, training: { ...config.training, methodFile: '/a/b.mjs' } };
    const [a, b] = ['a', 'b'].map((x) => x.repeat(64));
    expect(trainingConfigHash(config, a)).toBe(trainingConfigHash(elsewhere, a));
    expect(trainingConfigHash(config, a)).not.toBe(trainingConfigHash(config, b));
    expect(() => trainingConfigHash(config)).toThrow('the digest of');
  });
});
