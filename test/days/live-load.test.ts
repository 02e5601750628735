import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  COUNT_RUNNING_LOADS,
  type Engine,
  type Front,
  openEmbedded,
  openFront,
  openServer,
} from '../../src/clickhouse/index.ts';
import { addDays, silentLogger } from '../../src/core/index.ts';
import { createLiveLoader, sealDay } from '../../src/days/index.ts';
import { type ObjectStore, readLedgers } from '../../src/store/index.ts';
import {
  commitArrivals,
  DAY,
  loaderNamed,
  newStore,
  randomDay,
  sealConfig,
  START,
  temporaryFolder,
} from '../helpers/days-fixture.ts';

const TOKEN = 'a-token-of-sixteen-or-more';
const nextDay = addDays(DAY, 1);
const first = randomDay(11, { campaigns: 3, outcomes: 300 });
const second = randomDay(12, { campaigns: 3, outcomes: 100 });
const source = sealConfig(2).source;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let store: ObjectStore;
let embedded: Engine;
let front: Front;
beforeAll(async () => {
  folder = await temporaryFolder();
  store = await newStore(join(folder.path, 'store'));
  const directory = join(folder.path, 'clickhouse');
  embedded = await openEmbedded(directory);
  const spool = join(folder.path, 'spool');
  const host = '127.0.0.1';
  front = await openFront({ directory, spool, host, port: 0, token: TOKEN, log: silentLogger });
});
afterAll(async () => {
  await front.close();
  await embedded.close();
  await folder.remove();
});

const count = async (table: string, where = '1'): Promise<number | undefined> =>
  (await embedded.query<{ n: number }>(`SELECT count() AS n FROM ${table} WHERE ${where}`))[0]?.n;

/** Leaves rows out of the open days' table; a DELETE would wait for mutations, which take seconds. */
async function lose(where: string): Promise<void> {
  await embedded.command('CREATE TABLE kept AS events_live');
  await embedded.command(`INSERT INTO kept SELECT * FROM events_live WHERE NOT (${where})`);
  await embedded.command('TRUNCATE TABLE events_live');
  await embedded.command('INSERT INTO events_live SELECT * FROM kept');
  await embedded.command('DROP TABLE kept');
}

/** Rows of a day that the ledgers name. */
async function committed(day: string): Promise<number> {
  const segments = (await readLedgers(store)).flatMap((entry) => entry.segments);
  return segments.filter((s) => s.day === day).reduce((rows, s) => rows + s.rows, 0);
}

/** The day after the fixture's, too. */
const tomorrow = (arrivals: typeof first): typeof first =>
  arrivals.map(({ event, arrivalMs }) => ({
    arrivalMs: arrivalMs + 86_400_000,
    event: {
      ...event,
      event_time: event.event_time + 86_400_000,
      ...(event.kind === 'campaign' ? { day: nextDay } : {}),
    },
  }));

describe.each([
  ['the engine of this process', () => Promise.resolve(embedded)],
  [
    'a server, by streams',
    () =>
      openServer({ url: `http://127.0.0.1:${String(front.port)}`, user: 'vamo', password: TOKEN }),
  ],
])('live segments in %s', (_, open) => {
  it('are loaded once, however often and by whomever they are looked at', async () => {
    const engine = await open();
    await embedded.command('DROP TABLE IF EXISTS events_live');
    if ((await readLedgers(store)).length === 0) {
      await commitArrivals(store, 0, first, { flushRows: 50 });
      await commitArrivals(store, 1, second, { flushRows: 40 });
    }
    const total = await committed(DAY);
    const loader = createLiveLoader({ engine, loader: loaderNamed(), store, source });
    expect(await loader.round()).toMatchObject({ rows: total, days: 0 });
    expect(loader.pending()).toEqual({ segments: 0, days: 0 });
    expect(await loader.round()).toEqual({ segments: 0, days: 0, rows: 0 });
    const another = createLiveLoader({ engine, loader: loaderNamed(), store, source });
    expect(await another.round()).toEqual({ segments: 0, days: 0, rows: 0 });
    expect(await count('events_live')).toBe(total);
    const sum = await embedded.query(
      'SELECT toInt64(uniqExact(src_partition, src_offset)) AS n FROM events_live',
    );
    expect(sum).toEqual([{ n: total }]);
  });

  it('are mended where a load was torn or lost', async () => {
    const engine = await open();
    const total = await committed(DAY);
    await lose(
      'src_partition = 0 AND src_offset % 7 = 3 OR src_partition = 1 AND src_offset BETWEEN 40 AND 79',
    );
    expect(await count('events_live')).toBeLessThan(total);
    const loader = createLiveLoader({ engine, loader: loaderNamed(), store, source });
    expect((await loader.round()).segments).toBeGreaterThan(1);
    expect(await count('events_live')).toBe(total);
    expect(await count('events_live', 'src_partition = 1 AND src_offset BETWEEN 40 AND 79')).toBe(
      40,
    );
  });

  it('that a failure left in doubt are asked for before they are loaded again', async () => {
    const engine = await open();
    await embedded.command('TRUNCATE TABLE events_live');
    let left = 2;
    const faltering: Engine = {
      ...engine,
      async load(...args) {
        await engine.load(...args);
        // The answer is lost after the work was done.
        if (--left === 0) throw new Error('connection reset');
      },
    };
    const loader = createLiveLoader({ engine: faltering, loader: loaderNamed(), store, source });
    await expect(loader.round()).rejects.toThrow('connection reset');
    expect(loader.pending().segments).toBeGreaterThan(0);
    await loader.round();
    expect(await count('events_live')).toBe(await committed(DAY));
  });
});

describe('open days that another loader is at too', () => {
  it('are not loaded while a statement of before is still at work', async () => {
    await embedded.command('TRUNCATE TABLE events_live');
    const directory = join(folder.path, 'clickhouse');
    const another = await openEmbedded(directory);
    const slow = another.command(
      `INSERT INTO events_live (day) SELECT toDate('2020-01-01') FROM numbers(3) WHERE sleepEachRow(1) = 0`,
    );
    const loader = createLiveLoader({ engine: embedded, loader: loaderNamed(), store, source });
    const isAtWork = async () =>
      (await embedded.query<{ running: number }>(COUNT_RUNNING_LOADS))[0]?.running === 1;
    while (!(await isAtWork())) await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(loader.round()).rejects.toMatchObject({ code: 'DATA_LOCKED', retriable: true });
    await slow;
    await another.close();
    await embedded.command("ALTER TABLE events_live DROP PARTITION '2020-01-01'");
    await loader.round();
    expect(await count('events_live')).toBe(await committed(DAY));
  });

  it('are there once after a round that found them twice', async () => {
    await embedded.command('TRUNCATE TABLE events_live');
    const late: Engine = {
      ...embedded,
      async load(...args) {
        // Another loader, which found nothing either, was faster.
        await embedded.load(...args);
        await embedded.load(...args);
      },
    };
    const twice = createLiveLoader({ engine: late, loader: loaderNamed(), store, source });
    await expect(twice.round()).rejects.toMatchObject({ code: 'DATA_LOCKED', retriable: true });
    const loader = createLiveLoader({ engine: embedded, loader: loaderNamed(), store, source });
    await loader.round();
    expect(await count('events_live')).toBe(await committed(DAY));
  });
});

describe('a day that is sealed', () => {
  it('takes the place of its segments, and late rows stay out', async () => {
    const loader = createLiveLoader({ engine: embedded, loader: loaderNamed(), store, source });
    await commitArrivals(store, 0, tomorrow(second));
    const open = await committed(nextDay);
    await loader.round();
    expect(await count('events_now', `day = '${DAY}' AND provisional = 1`)).toBe(
      await committed(DAY),
    );
    const engineDir = join(folder.path, 'sealer');
    await embedded.close();
    await front.close();
    const manifest = await sealDay({ store, engineDir, day: DAY, config: sealConfig(2) });
    embedded = await openEmbedded(join(folder.path, 'clickhouse'));
    await commitArrivals(store, 1, [
      {
        arrivalMs: START + 300_000_000,
        event: {
          kind: 'cart',
          event_id: 'late',
          event_time: START + 5,
          campaign_id: 'c0',
          outcome_id: '',
          items: 1,
        },
      },
    ]);
    const after = createLiveLoader({ engine: embedded, loader: loaderNamed(), store, source });
    expect(await after.round()).toMatchObject({ days: 1, segments: 0 });
    expect(await count('events_live', `day = '${DAY}'`)).toBe(0);
    expect(await count('events_now', `day = '${DAY}' AND provisional = 0`)).toBe(
      manifest.counts.accepted,
    );
    expect(await count('events_now', `day = '${DAY}' AND provisional = 1`)).toBe(0);
    expect(await count('events_now', `day = '${nextDay}' AND provisional = 1`)).toBe(open);
  });

  it('that is withdrawn gives its place back to its segments', async () => {
    const loader = createLiveLoader({ engine: embedded, loader: loaderNamed(), store, source });
    await loader.round();
    for (const key of await store.list(`days/${DAY}`)) await store.remove(key);
    await loader.round();
    expect(await count('events', `day = '${DAY}'`)).toBe(0);
    expect(await count('events_now', `day = '${DAY}' AND provisional = 1`)).toBe(
      await committed(DAY),
    );
  });
});
