import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Config,
  loadConfig,
  parseConfig,
  trainingConfigHash,
} from '../../src/config/index.ts';
import { isVamoError, stableJson } from '../../src/core/index.ts';

const DEMO = new URL('../../config/demo.json', import.meta.url);
const defaults = await loadConfig();

async function file(content: unknown): Promise<string> {
  const path = join(await mkdtemp(join(tmpdir(), 'config-')), 'config.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

/** The defaults with one value put at a path of keys. */
function withValue(path: readonly (string | number)[], value: unknown): unknown {
  const copy = structuredClone(defaults) as unknown as Record<string | number, unknown>;
  let at = copy;
  for (const key of path.slice(0, -1)) at = at[key] as typeof at;
  at[path.at(-1)!] = value;
  return copy;
}

function refusal(json: unknown): string {
  try {
    parseConfig(json);
  } catch (error) {
    if (isVamoError(error, 'CONFIG_INVALID')) return error.message;
    throw error;
  }
  throw new Error('was accepted');
}

describe('merging configurations', () => {
  it('without files is the default file', async () => {
    const text = await readFile(new URL('../../config/default.json', import.meta.url), 'utf8');
    expect(defaults).toEqual(JSON.parse(text));
  });

  it('objects merge key by key, later files win', async () => {
    const first = await file({ training: { steps: 5, batch: 16 } });
    const second = await file({ training: { steps: 7 } });
    const { training } = await loadConfig([first, second]);
    expect(training).toEqual({ ...defaults.training, steps: 7, batch: 16 });
    expect((await loadConfig([second, first])).training.steps).toBe(5);
  });

  it('lists are replaced whole', async () => {
    const path = await file({ source: { kafka: { brokers: ['a:1', 'b:2'] } } });
    expect((await loadConfig([path])).source.kafka).toEqual({
      ...defaults.source.kafka,
      brokers: ['a:1', 'b:2'],
    });
  });

  it('method options may have any key, also over other options', async () => {
    const a = await file({ training: { methodOptions: { preset: 'paper', lambda: 1 } } });
    const b = await file({ training: { methodOptions: { lambda: 2 } } });
    expect((await loadConfig([a, b])).training.methodOptions).toEqual({
      preset: 'paper',
      lambda: 2,
    });
  });

  it('an empty file changes nothing, and a file twice is a file once', async () => {
    expect(await loadConfig([await file({})])).toEqual(defaults);
    expect(await loadConfig([DEMO, DEMO])).toEqual(await loadConfig([DEMO]));
  });

  it('a file cannot reach the prototype of objects', async () => {
    const path = await file(
      '{"__proto__": {"polluted": 1}, "training": {"__proto__": {"polluted": 1}}}',
    );
    await loadConfig([path]).catch(() => undefined);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('a file that is not an object of keys', () => {
  it.each(['[]', 'null', '"x"', '3'])('%s is refused with its path', async (text) => {
    const path = await file(text);
    await expect(loadConfig([path])).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `${path}: ${text}; must be an object of keys`,
    });
    expect(refusal(JSON.parse(text))).toMatch(/^configuration: /);
  });
});

describe('files that cannot be read', () => {
  it.each(['/nonexistent/config.json'])('%s is named', async (path) => {
    await expect(loadConfig([path])).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining(path) as string,
    });
  });

  it('text that is not JSON', async () => {
    const path = await file('{"training": ');
    await expect(loadConfig([path])).rejects.toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining(path) as string,
    });
  });
});

describe('what is not allowed names the key, the value and what is', () => {
  it.each<[(string | number)[], unknown, RegExp]>([
    [['training', 'batch'], 'many', /^training\.batch: "many"; must be a number$/],
    [['training', 'batch'], 0, /^training\.batch: 0; must be at least 1$/],
    [['days', 'latenessMs'], 90_500, /^days\.latenessMs: 90500; must be whole minutes/],
    [['days', 'attributionMs'], 1, /^days\.attributionMs: 1; must be whole minutes/],
    [['training', 'steps'], 1.5, /^training\.steps: 1\.5; must be a whole number$/],
    [
      ['training', 'optimiser', 'kind'],
      'lion',
      /^training\.optimiser\.kind: "lion"; must be one of "adam", "sgd"$/,
    ],
    [
      ['training', 'optimiser', 'learningRate'],
      0,
      /^training\.optimiser\.learningRate: 0; must be above 0$/,
    ],
    [['gate', 'floorVersusBangBang'], 1.2, /^gate\.floorVersusBangBang: 1\.2; must be at most 1$/],
    [['release', 'channel'], 'Prod!', /^release\.channel: "Prod!"; /],
    [
      ['tasks', 1, 'reward'],
      'clicks',
      /^tasks\.1\.reward: "clicks"; must be one of "gmv", "direct_gmv", "items"$/,
    ],
    [['tasks', 1, 'id'], 'Direct', /^tasks\.1\.id: "Direct"; must be lower-case/],
    [['window'], null, /^window: null; must be an object$/],
    [['fleet', 'bidders'], undefined, /^fleet\.bidders: missing; must be a number$/],
    [['source', 'topic'], 'a/b', /^source\.topic: "a\/b"; must be letters/],
    [['source', 'topic'], '..', /^source\.topic: "\.\."; must be letters/],
    [['simulator', 'firstDay'], '2026-13-01', /^simulator\.firstDay: "2026-13-01"; must be a day/],
    [['simulator', 'firstDay'], 'soon', /^simulator\.firstDay: "soon"; must be a day/],
    [['trainig'], {}, /^trainig: no such key \(did you mean "training"\?\)$/],
    [
      ['training', 'optimizer'],
      {},
      /^training\.optimizer: no such key \(did you mean "optimiser"\?\)$/,
    ],
    [['training', 'velocity'], 3, /^training\.velocity: no such key$/],
  ])('%j = %j', (path, value, message) => {
    expect(refusal(withValue(path, value))).toMatch(message);
  });

  it('every problem stands on its own line', () => {
    const bad = { ...defaults, window: { ...defaults.window, train: 0, test: -1 }, extra: 1 };
    expect(refusal(bad).split('\n')).toHaveLength(3);
  });

  it.each<[string, (string | number)[], unknown, RegExp]>([
    ['heads that do not divide', ['model', 'heads'], 7, /^model\.heads: 7; must divide .*\(64\)/],
    ['a batch below the tasks', ['training', 'batch'], 2, /^training\.batch: 2; .*\(3\)/],
    ['a task twice', ['tasks', 1, 'id'], 'store', /^tasks: "store" stands twice/],
    [
      'hindsight for inverse dynamics',
      ['model', 'policyHead'],
      'inverse',
      /^training\.actions: "hindsight"; needs model\.policyHead "action"/,
    ],
    ['shares above 1', ['simulator', 'behaviour', 'pid'], 1, /shares total 1\.\d+; must total 1/],
  ])('%s', (_, path, value, message) => {
    expect(refusal(withValue(path, value))).toMatch(message);
  });

  it('tasks of one’s own need no simulated ones', async () => {
    const tasks = [{ id: 'app', reward: 'gmv', unitPrice: 1 }];
    const config = await loadConfig([await file({ tasks })]);
    expect(config.tasks).toEqual(tasks);
    expect(config.simulator.tasks).toEqual(defaults.simulator.tasks);
  });

  it('anything at all is refused with CONFIG_INVALID and nothing else', () => {
    const key = fc.constantFrom(...(Object.keys(defaults) as (keyof Config)[]));
    fc.assert(
      fc.property(key, fc.jsonValue(), (name, value) => {
        try {
          parseConfig({ ...defaults, [name]: value });
        } catch (error) {
          expect(isVamoError(error, 'CONFIG_INVALID')).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('the hash of what determines a checkpoint', () => {
  it('is the same for the same settings in another order', () => {
    const reordered = JSON.parse(stableJson(defaults)) as Config;
    expect(trainingConfigHash(reordered)).toBe(trainingConfigHash(defaults));
  });

  it.each<[boolean, (string | number)[], unknown]>([
    [true, ['training', 'seed'], 18],
    [true, ['training', 'actions'], 'logged'],
    [true, ['training', 'methodOptions', 'lambda'], 2],
    [true, ['model', 'layers'], 4],
    [true, ['window', 'train'], 7],
    [true, ['tasks', 0, 'unitPrice'], 0.5],
    [true, ['market', 'reserve'], 0.02],
    [true, ['days', 'utcOffsetMinutes'], 60],
    [true, ['training', 'gainsEvery'], 2],
    [false, ['training', 'threads'], 2],
    [false, ['training', 'checkpointEvery'], 7],
    [false, ['training', 'evaluateEvery'], 7],
    [false, ['training', 'evaluateTrajectories'], 7],
    [false, ['training', 'engine'], 'cpu'],
    [false, ['fleet', 'bidders'], 9],
    [false, ['source', 'kind'], 'kafka'],
    [false, ['simulator', 'seed'], 2],
  ])('changes: %s, with %j = %j', (changes, path, value) => {
    const other = parseConfig(withValue(path, value));
    expect(trainingConfigHash(other) !== trainingConfigHash(defaults)).toBe(changes);
  });
});
