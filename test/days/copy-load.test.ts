import { afterEach, describe, expect, it } from 'vitest';
import { type Engine, LIST_STAGES, openEmbedded } from '../../src/clickhouse/index.ts';
import type { PartitionManifest } from '../../src/contracts/index.ts';
import { dayKey, VamoError } from '../../src/core/index.ts';
import {
  checkCopied,
  dropCopy,
  loadEach,
  loadIntoClickHouse,
  readCopy,
  requireOwner,
  sealDay,
  unloadWithdrawn,
} from '../../src/days/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import {
  type Arrival,
  commitArrivals,
  DAY,
  LIMIT_MS,
  loaderNamed,
  randomDay,
} from '../helpers/days-fixture.ts';
import { daysWorkshop } from '../helpers/days-workshop.ts';
import { at, outcome } from '../helpers/few-events.ts';

const { freshStore, options, backfill, pathOf } = daysWorkshop();
const arrivals = randomDay(8, { campaigns: 2, outcomes: 40 });
const loader = loaderNamed();

let engine: Engine | undefined;
let copies = 0;
const openCopy = async (): Promise<Engine> =>
  (engine = await openEmbedded(pathOf(`copy${copies++}`)));
afterEach(async () => {
  await engine?.close();
  engine = undefined;
});

async function sealed(
  records: readonly Arrival[],
): Promise<{ readonly store: ObjectStore; readonly manifest: PartitionManifest }> {
  const store = await freshStore();
  await commitArrivals(store, 0, records);
  return { store, manifest: await sealDay(options(store)) };
}

/** Of `events` and `steps`. */
async function rowsIn(copy: Engine): Promise<(number | undefined)[]> {
  const rows = [];
  for (const table of ['events', 'steps'])
    rows.push((await copy.query<{ n: number }>(`SELECT count() AS n FROM ${table}`))[0]?.n);
  return rows;
}

/** What differs between the copy and a generation, or is not there. */
async function difference(copy: Engine, store: ObjectStore, generation: number) {
  const { differences, pending } = await checkCopied(
    store,
    DAY,
    generation,
    (await readCopy(copy, DAY)).get(DAY),
  );
  return [...differences, ...(pending ? [pending] : [])];
}

describe('a day without rows in a table', () => {
  it.each([
    ['no campaign', [at(outcome('a', LIMIT_MS - 4e6))], { accepted: 1 }],
    ['nothing but late rows', [at(outcome('a', LIMIT_MS - 4e6), LIMIT_MS)], { late: 1 }],
  ])('is loaded: %s', async (_, records, counts) => {
    const { store, manifest } = await sealed(records);
    expect(manifest.counts).toMatchObject(counts);
    const full = await sealed(arrivals);
    const copy = await openCopy();
    expect(await loadIntoClickHouse({ engine: copy, loader, store, manifest })).toBe(true);
    expect(await loadIntoClickHouse({ engine: copy, loader, store, manifest })).toBe(false);
    expect(await difference(copy, store, 1)).toEqual([]);
    // It takes the place of a generation that had rows.
    const before = { ...full.manifest, generation: 2 };
    const after = { ...manifest, generation: 3 };
    await loadIntoClickHouse({ engine: copy, loader, store: full.store, manifest: before });
    expect(await rowsIn(copy)).toEqual([full.manifest.counts.accepted, 2 * 97]);
    await loadIntoClickHouse({ engine: copy, loader, store, manifest: after });
    expect(await rowsIn(copy)).toEqual([manifest.counts.accepted, 0]);
  });
});

describe('a copy that is another data directory’s', () => {
  it('is left as it is, and says whose it is', async () => {
    const { store, manifest } = await sealed(arrivals);
    const copy = await openCopy();
    await requireOwner(copy, undefined);
    await loadIntoClickHouse({ engine: copy, loader, store, manifest });
    const trial = { owner: { id: 'trial', place: '/tmp/trial' }, stage: 'trial' };
    const refused = {
      code: 'SQL_OWNED',
      message: expect.stringMatching(/the fixture.*\/tmp\/trial/) as string,
      mend: expect.stringContaining('CLICKHOUSE_DATABASE') as string,
    };
    const mine = { engine: copy, loader: trial, store, manifest };
    await expect(loadIntoClickHouse(mine)).rejects.toMatchObject(refused);
    await expect(unloadWithdrawn(copy, trial, [])).rejects.toMatchObject(refused);
    await expect(dropCopy(copy, trial)).rejects.toMatchObject(refused);
    await expect(requireOwner(copy, undefined)).rejects.toMatchObject({ code: 'SQL_OWNED' });
    expect(await difference(copy, store, 1)).toEqual([]);
    // What was there before owners were written down belongs to who loads next.
    await copy.command('DROP VIEW owner');
    expect(await loadIntoClickHouse(mine)).toBe(false);
    await expect(requireOwner(copy, loader.owner)).rejects.toMatchObject({ code: 'SQL_OWNED' });
    await dropCopy(copy, trial);
    expect(await readCopy(copy)).toEqual(new Map());
  });
});

describe('two loaders on one engine', () => {
  /** The engine under a loader whose first statement of a kind has another's whole load before it. */
  const interrupted = (copy: Engine, where: string, other: () => Promise<unknown>): Engine => {
    let isDone = false;
    const before = async (sql: string): Promise<void> => {
      if (isDone || !sql.startsWith(where)) return;
      isDone = true;
      await other();
    };
    return {
      ...copy,
      async command(sql) {
        await before(sql);
        await copy.command(sql);
      },
      async load(files, insert) {
        await before(insert(''));
        await copy.load(files, insert);
      },
      async query<T>(sql: string) {
        await before(sql);
        return copy.query<T>(sql);
      },
    };
  };

  const POINTS = [
    'INSERT INTO steps_stage',
    'SELECT count() AS rows FROM events_stage',
    'ALTER TABLE events REPLACE',
    'ALTER TABLE steps REPLACE',
    'INSERT INTO loaded',
    'SELECT DISTINCT generation',
  ];
  it('that load one day do the work twice, and it is whole', async () => {
    const { store, manifest } = await sealed(arrivals);
    const copy = await openCopy();
    const load = (on: Engine, stage: string) =>
      loadIntoClickHouse({ engine: on, loader: loaderNamed(stage), store, manifest });
    for (const point of POINTS) {
      await copy.command('DROP TABLE IF EXISTS loaded');
      const one = interrupted(copy, point, () => load(copy, 'other'));
      expect(await load(one, 'own'), point).toBe(!point.startsWith('SELECT DISTINCT'));
      expect(await difference(copy, store, 1), point).toEqual([]);
      expect(await copy.query(LIST_STAGES), point).toEqual([]);
    }
  });

  it('of which one is a generation behind leave what the mark says', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, arrivals.slice(20));
    const first = await sealDay(options(store));
    const { manifest: second } = await backfill(store, 'merge', arrivals.slice(0, 20));
    // One that looked before the second was made.
    const early: ObjectStore = {
      ...store,
      list: async (prefix) => (await store.list(prefix)).filter((key) => !key.includes('g0002')),
    };
    const copy = await openCopy();
    const newest = { engine: copy, loader: loaderNamed('other'), store, manifest: second };
    for (const point of POINTS) {
      await copy.command('DROP TABLE IF EXISTS loaded');
      const one = interrupted(copy, point, () => loadIntoClickHouse(newest));
      await loadIntoClickHouse({ engine: one, loader, store: early, manifest: first });
      const [{ generation }] = (await copy.query('SELECT DISTINCT generation FROM loaded')) as [
        { generation: number },
      ];
      expect(await difference(copy, store, generation), point).toEqual([]);
    }
    // Who sees the newer one does not put the older one in its place.
    await loadIntoClickHouse(newest);
    expect(await loadIntoClickHouse({ ...newest, loader, manifest: first })).toBe(false);
    expect(await difference(copy, store, 2)).toEqual([]);
  });
});

describe('days that cannot be loaded', () => {
  const days = ['2026-03-01', '2026-03-02', '2026-03-03', '2026-03-04'].map((day) => ({
    day: dayKey(day),
  }));

  it('keep no other day out, and are named', async () => {
    const loaded: string[] = [];
    const loading = loadEach(days, ({ day }) => {
      if (day === '2026-03-01' || day === '2026-03-03')
        return Promise.reject(new VamoError('STORE_CORRUPT', 'torn', { details: { key: day } }));
      loaded.push(day);
      return Promise.resolve();
    });
    await expect(loading).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: 'day 2026-03-01 was not loaded into ClickHouse: torn; nor 2026-03-03',
      details: { key: '2026-03-01', days: ['2026-03-01', '2026-03-03'] },
    });
    expect(loaded).toEqual(['2026-03-02', '2026-03-04']);
  });

  it('end it where all would fail', async () => {
    let tried = 0;
    const loading = loadEach(days, () => {
      tried += 1;
      return Promise.reject(new VamoError('SQL_UNREACHABLE', 'gone'));
    });
    await expect(loading).rejects.toMatchObject({ code: 'SQL_UNREACHABLE', message: 'gone' });
    expect(tried).toBe(1);
  });
});
