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
    await expect(checkRules(store, rules, source)).rejects.toThrow('repeat: left out');
  });

  it('keep what two add at the same moment: both tasks, and of one task the first reward', async () => {
    const withTasks = (tasks: DataRules['tasks']): DataRules => ({
      ...rules,
      tasks: { ...rules.tasks, ...tasks },
    });
    await keepRules(store, rules);
    /** Another writer adds this after the first has looked, before it writes. */
    const beside = (tasks: DataRules['tasks']): ObjectStore => ({
      ...store,
      async putIfAbsent(key, bytes) {
        if (key.startsWith('rules/')) await keepRules(store, withTasks(tasks));
        return store.putIfAbsent(key, bytes);
      },
    });
    await expect(keepRules(beside({ a: 'gmv' }), withTasks({ b: 'items' }))).rejects.toThrow(
      'tasks: a: left out',
    );
    const both = withTasks({ a: 'gmv', b: 'items' });
    await checkRules(store, both, source);
    for (const id of ['a', 'b'])
      await expect(
        checkRules(store, { ...both, tasks: { ...both.tasks, [id]: 'direct_gmv' } }, source),
      ).rejects.toThrow(`tasks: ${id}: direct_gmv`);

    const added = { a: 'gmv', b: 'items' } as const;
    await expect(
      keepRules(beside({ ...added, c: 'gmv' }), withTasks({ ...added, c: 'items' })),
    ).rejects.toThrow('tasks: c: items; this data directory was filled with gmv');
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
