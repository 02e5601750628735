import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DataRules, rulesOf } from '../../src/contracts/index.ts';
import { loadConfig } from '../../src/config/index.ts';
import {
  checkRules,
  keepRules,
  type ObjectStore,
  openDirectoryStore,
} from '../../src/store/index.ts';

const config = await loadConfig();
const rules = rulesOf(config);
const { source } = config;
let root: string;
let store: ObjectStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vamo-rules-'));
  store = await openDirectoryStore(root);
});
afterEach(() => rm(root, { recursive: true }));

const { cart: _, ...fewer } = rules.tasks;

describe('the rules a data directory was filled under', () => {
  it('are none before the first events', async () => {
    await checkRules(store, { ...rules, latenessMs: 1 }, { ...source, partitions: 9 });
  });

  it.each<[string, Partial<DataRules>]>([
    ['days.utcOffsetMinutes: 480', { utcOffsetMinutes: 480 }],
    ['days.latenessMs: 1', { latenessMs: 1 }],
    ['market.reserve: 2', { reserve: 2 }],
    ['tasks: cart: left out', { tasks: fewer }],
    ['tasks: cart: gmv', { tasks: { ...rules.tasks, cart: 'gmv' } }],
  ])('refuse %s, naming what was recorded', async (message, change) => {
    await keepRules(store, rules);
    await checkRules(store, rules, source);
    await expect(checkRules(store, { ...rules, ...change }, source)).rejects.toMatchObject({
      code: 'DATA_RULES',
      message: expect.stringContaining(message) as string,
    });
  });

  it('are those of whoever committed first, of several that began at once', async () => {
    await keepRules(store, rules);
    await expect(keepRules(store, { ...rules, latenessMs: 0 })).rejects.toMatchObject({
      code: 'DATA_RULES',
      message: expect.stringContaining('days.latenessMs: 0') as string,
    });
    await checkRules(store, rules, source);
  });

  it('let a task be added, for good', async () => {
    await keepRules(store, rules);
    const more = { ...rules, tasks: { ...rules.tasks, repeat: 'gmv' as const } };
    await checkRules(store, more, source);
    await keepRules(store, more);
    await expect(checkRules(store, rules, source)).rejects.toMatchObject({
      message: expect.stringContaining('repeat: left out') as string,
      mend: expect.stringContaining('Add "repeat" with reward "gmv" to `tasks`') as string,
    });
  });

  it('are those of one of two that add tasks at the same moment; the other leaves nothing', async () => {
    const withTasks = (tasks: DataRules['tasks']): DataRules => ({
      ...rules,
      tasks: { ...rules.tasks, ...tasks },
    });
    await keepRules(store, rules);
    /** Another writer adds this after the first has looked, before it writes. */
    const beside = (tasks: DataRules['tasks']): ObjectStore => {
      let isFirst = true;
      return {
        ...store,
        async putIfAbsent(key, bytes) {
          if (key !== 'rules.json' && isFirst) await keepRules(store, withTasks(tasks));
          isFirst = isFirst && key === 'rules.json';
          return store.putIfAbsent(key, bytes);
        },
      };
    };
    await expect(keepRules(beside({ a: 'gmv' }), withTasks({ b: 'items' }))).rejects.toThrow(
      'tasks: a: left out',
    );
    await checkRules(store, withTasks({ a: 'gmv' }), source);

    const c = (reward: 'gmv' | 'items') => ({ a: 'gmv', c: reward }) as const;
    await expect(keepRules(beside(c('gmv')), withTasks(c('items')))).rejects.toThrow(
      'tasks: c: items; this data directory was filled with gmv',
    );
    await checkRules(store, withTasks(c('gmv')), source);

    const more = { ...c('gmv'), e: 'gmv' } as const;
    await keepRules(beside({ ...c('gmv'), d: 'gmv' }), withTasks({ ...more, d: 'gmv' }));
    await checkRules(store, withTasks({ ...more, d: 'gmv' }), source);
    await expect(checkRules(store, withTasks(more), source)).rejects.toThrow('tasks: d: left out');
  });

  it('record a task of any name', async () => {
    await keepRules(store, rules);
    const odd = { ...rules, tasks: { ...rules.tasks, constructor: 'gmv' as const } };
    await keepRules(store, odd);
    await expect(checkRules(store, rules, source)).rejects.toThrow('tasks: constructor: left out');
  });

  it('refuse other partitions than were taken in', async () => {
    const identity = { schema: 'source/v1', id: 'x', ...source };
    const { kind, topic, partitions } = identity;
    await store.put(
      'source.json',
      Buffer.from(JSON.stringify({ schema: 'source/v1', kind, id: 'x', topic, partitions })),
    );
    await checkRules(store, rules, source);
    await expect(checkRules(store, rules, { ...source, partitions: 2 })).rejects.toMatchObject({
      message: expect.stringContaining('source.partitions: 2') as string,
      mend: expect.stringContaining(`Set \`source.partitions\` to ${partitions} again`) as string,
    });
  });

  it('leave the number of partitions to a topic', async () => {
    const identity = { schema: 'source/v1', kind: 'kafka', id: 'x', topic: 't', partitions: 6 };
    await store.put('source.json', Buffer.from(JSON.stringify(identity)));
    await checkRules(store, rules, { kind: 'kafka', topic: 't', partitions: 4 });
  });
});
