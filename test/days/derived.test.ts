import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, LIST_STAGES, openEmbedded } from '../../src/clickhouse/index.ts';
import { EVENT_COLUMNS, type PartitionManifest } from '../../src/contracts/index.ts';
import { addDays } from '../../src/core/index.ts';
import {
  checkCopy,
  dayReports,
  loadIntoClickHouse,
  sealDay,
  verifyDay,
} from '../../src/days/index.ts';
import { columnsFingerprint, type ObjectStore } from '../../src/store/index.ts';
import {
  DAY,
  START,
  commitArrivals,
  loaderNamed,
  newStore,
  randomDay,
  sealConfig,
  temporaryFolder,
} from '../helpers/days-fixture.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let store: ObjectStore;
let manifest: PartitionManifest;
const arrivals = randomDay(5, { campaigns: 4, outcomes: 400 });
const nextDay = addDays(DAY, 1);
const loader = loaderNamed();

beforeAll(async () => {
  folder = await temporaryFolder();
  store = await newStore(folder.path);
  await commitArrivals(store, 0, arrivals, { dead: { [DAY]: 2, [nextDay]: 1 } });
  const engineDir = join(folder.path, 'sealer');
  manifest = await sealDay({ store, engineDir, day: DAY, config: sealConfig(1) });
});
afterAll(() => folder.remove());

const cart = (id: string, eventTime: number) => ({
  arrivalMs: START + 200_000_000,
  event: {
    kind: 'cart' as const,
    event_id: id,
    event_time: eventTime,
    campaign_id: 'c0',
    outcome_id: '',
    items: 1,
  },
});

describe('day reports', () => {
  it('count a sealed day so that the parts make the whole', async () => {
    const [report] = await dayReports(store);
    expect(report).toMatchObject({ ...manifest.counts, sealed: true, digest: manifest.digest });
    expect(report).toMatchObject({ records: arrivals.length + 2, dead_lettered: 2 });
    const { accepted, duplicate, late, dead_lettered } = manifest.counts;
    expect(accepted + duplicate + late + dead_lettered).toBe(manifest.counts.records);
  });

  it('show rows that arrive after the seal as late, and days not sealed as open', async () => {
    const before = manifest.counts;
    await commitArrivals(store, 0, [cart('a', START + 1), cart('b', START + 2)]);
    await commitArrivals(store, 0, [cart('c', START + 86_400_000)]);
    const [first, second] = await dayReports(store);
    expect(first).toMatchObject({ late: before.late + 2, records: before.records + 2 });
    expect(first).toMatchObject({ accepted: before.accepted, duplicate: before.duplicate });
    expect(second).toEqual({
      day: nextDay,
      sealed: false,
      records: 2,
      accepted: null,
      duplicate: null,
      late: null,
      dead_lettered: 1,
      replayed: 0,
      replaced: 0,
      generation: null,
      kind: null,
      digest: null,
      mature: null,
      mature_at_ms: null,
    });
  });
});

describe('the ClickHouse copy', () => {
  let engine: Engine;
  beforeAll(async () => void (engine = await openEmbedded(join(folder.path, 'clickhouse'))));
  afterAll(() => engine.close());

  const rows = async (table: string): Promise<number | undefined> =>
    (await engine.query<{ n: number }>(`SELECT count() AS n FROM ${table}`))[0]?.n;

  it('holds every sealed row, and loading again changes nothing', async () => {
    expect(await loadIntoClickHouse({ engine, loader, store, manifest })).toBe(true);
    expect(await loadIntoClickHouse({ engine, loader, store, manifest })).toBe(false);
    expect(await rows('events')).toBe(manifest.counts.accepted);
    expect(await rows('steps')).toBe(4 * 97);
    const [{ same } = { same: 0 }] = await engine.query<{ same: number }>(
      `SELECT (SELECT sum(cost) FROM events) = (SELECT sum(cost) FROM steps) +
        (SELECT sum(cost) FROM events WHERE campaign_id = 'orphan') AS same`,
    );
    expect(same).toBe(1);
  });

  it('is mended by loading when rows are gone or the load died half way', async () => {
    await engine.command(`ALTER TABLE events DROP PARTITION '${DAY}'`);
    expect(await loadIntoClickHouse({ engine, loader, store, manifest })).toBe(true);
    expect(await rows('events')).toBe(manifest.counts.accepted);
    // A dead process left its stage.
    await engine.command('CREATE TABLE events_stage_own AS events');
    await engine.command('INSERT INTO events_stage_own SELECT * FROM events LIMIT 7');
    await engine.command('TRUNCATE TABLE loaded');
    expect(await loadIntoClickHouse({ engine, loader, store, manifest })).toBe(true);
    expect(await rows('events')).toBe(manifest.counts.accepted);
    expect(await rows('loaded')).toBe(1);
    expect(await engine.query(LIST_STAGES)).toEqual([]);
  });

  it('takes the place of an earlier generation', async () => {
    const generation2 = { ...manifest, generation: 2 };
    expect(await loadIntoClickHouse({ engine, loader, store, manifest: generation2 })).toBe(true);
    expect(await rows('events')).toBe(manifest.counts.accepted);
    expect(await engine.query('SELECT generation FROM loaded')).toEqual([{ generation: 2 }]);
  });
});

describe('verifying a sealed day', () => {
  it('accepts what was sealed', async () => {
    await expect(verifyDay(store, manifest)).resolves.toBeUndefined();
  });

  it('reads its files in pieces: they may be larger than what can be read whole', async () => {
    const large: ObjectStore = {
      ...store,
      get: (key) =>
        key.endsWith('.arrow') ? Promise.reject(new Error('above 2 GiB')) : store.get(key),
    };
    await verifyDay(large, manifest);
    const { key } = manifest.files.find(({ role }) => role === 'events')!;
    const { rows, hash } = columnsFingerprint(await store.get(key), EVENT_COLUMNS);
    const nothing = { rows: 0, hash: '0' };
    expect(await checkCopy(large, manifest, { events: nothing, steps: nothing })).toMatchObject([
      { found: 0, recorded: rows },
      { found: '0', recorded: hash },
      {},
      {},
    ]);
  });

  it('names what differs from the manifest', async () => {
    const wrong = (change: Partial<PartitionManifest>) =>
      expect(verifyDay(store, { ...manifest, ...change })).rejects;
    await wrong({ digest: 'x' }).toThrow(/digest of days.*events-/);
    await wrong({ stepsDigest: 'x' }).toThrow(/digest of days.*steps-/);
    await wrong({ counts: { ...manifest.counts, late: 99 } }).toThrow(/records of/);
    const files = manifest.files.map((f) => ({ ...f, rows: f.rows + 1 }));
    await wrong({ files }).toThrow(/rows of/);
  });
});
