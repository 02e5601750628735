import { afterEach, describe, expect, it } from 'vitest';
import { type Engine, openEmbedded } from '../../src/clickhouse/index.ts';
import {
  checkCopied,
  claimsOf,
  claimsOfFiles,
  daysInCopy,
  listBackfills,
  loadIntoClickHouse,
  missingGenerations,
  readCopy,
  sealDay,
  undoBackfill,
  unloadWithdrawn,
} from '../../src/days/index.ts';
import { generationFolders, type ObjectStore } from '../../src/store/index.ts';
import { commitArrivals, DAY, loaderNamed, randomDay } from '../helpers/days-fixture.ts';
import { daysWorkshop } from '../helpers/days-workshop.ts';

const { freshStore, options, backfill, pathOf } = daysWorkshop();
const arrivals = randomDay(8, { campaigns: 2, outcomes: 40 });
const loader = loaderNamed();
const HOUR = 3_600_000;

/** What is told of missing generations, an hour later. */
async function missing(store: ObjectStore, nowMs = Date.now() + HOUR): Promise<string[]> {
  const folders = await generationFolders(store);
  const claims = [
    ...claimsOf(await listBackfills(store)),
    ...(await claimsOfFiles(store, folders, nowMs)),
  ];
  return missingGenerations(DAY, folders, claims).map(({ what, recorded }) => {
    const generation = /g000(\d)\/manifest\.json/.exec(what)?.[1];
    return `${generation}: ${String(recorded).replace(/ 20.*$/, '')}`;
  });
}
const manifestOf = (generation: number) => `days/${DAY}/g000${generation}/manifest.json`;

describe('a generation whose manifest is gone', () => {
  it('is told of by its files, unless they were uploaded a moment ago', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, arrivals);
    await sealDay(options(store));
    expect(await missing(store)).toEqual([]);
    await store.remove(manifestOf(1));
    expect(await missing(store)).toEqual(['1: 2 files of it']);
    expect(await missing(store, Date.now())).toEqual([]);
  });

  it('is told of by a later generation, and by the backfill that made it', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, arrivals);
    await sealDay(options(store));
    const { id } = await backfill(store, 'merge', arrivals.slice(5));
    await undoBackfill(store, id);
    expect(await missing(store)).toEqual([]);
    // An undo has no files of its own.
    await store.remove(manifestOf(3));
    expect(await missing(store)).toEqual(['3: undone: backfill']);
    await store.remove(manifestOf(1));
    for (const key of await store.list(`days/${DAY}/g0001`)) await store.remove(key);
    expect(await missing(store)).toEqual(['1: generation 2 after it', '3: undone: backfill']);
  });

  it('is told of when it was the mark that the day is withdrawn', async () => {
    const store = await freshStore();
    const { id } = await backfill(store, 'merge', arrivals);
    await undoBackfill(store, id);
    expect(await missing(store)).toEqual([]);
    await store.remove(`days/${DAY}/g0002/manifest.json`);
    expect(await missing(store)).toEqual(['2: undone: backfill']);
  });
});

describe('what the copy in ClickHouse holds', () => {
  let engine: Engine | undefined;
  afterEach(() => engine?.close());

  it('is known by day and generation, also of rows that nothing marks; surplus days can go', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, arrivals);
    const manifest = await sealDay(options(store));
    engine = await openEmbedded(pathOf('clickhouse'));
    expect(await daysInCopy(engine)).toEqual(new Map());
    await loadIntoClickHouse({ engine, loader, store, manifest });
    await engine.command(
      "INSERT INTO steps (day, campaign_id) SELECT toDate('2026-03-09') AS day, 'x' AS campaign_id",
    );
    expect(await daysInCopy(engine)).toEqual(
      new Map([
        [DAY, 1],
        ['2026-03-09', 0],
      ]),
    );
    expect(await unloadWithdrawn(engine, loader, [DAY])).toEqual(['2026-03-09']);
    expect(await daysInCopy(engine)).toEqual(new Map([[DAY, 1]]));
  });

  it('is compared with the generation that was loaded, of which the newest may not be', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, arrivals.slice(10));
    const first = await sealDay(options(store));
    engine = await openEmbedded(pathOf('copy'));
    await loadIntoClickHouse({ engine, loader, store, manifest: first });
    await engine.close();
    const { manifest: second } = await backfill(store, 'merge', arrivals.slice(0, 10));
    engine = await openEmbedded(pathOf('copy'));
    const copied = async () => (await readCopy(engine!, DAY)).get(DAY);
    const held = await copied();
    expect(await checkCopied(store, DAY, 2, held)).toEqual({
      differences: [],
      pending: expect.objectContaining({
        what: `generation 2 of ${DAY} in ClickHouse`,
        found: 'not loaded yet, generation 1 stands there',
      }) as unknown,
    });
    await loadIntoClickHouse({ engine, loader, store, manifest: second });
    const whole = { differences: [], pending: null };
    expect(await checkCopied(store, DAY, 2, await copied())).toEqual(whole);
    // A load that was not marked: whole all the same, or not there yet.
    await engine.command('TRUNCATE TABLE loaded');
    expect(await checkCopied(store, DAY, 2, await copied())).toEqual(whole);
    expect((await checkCopied(store, DAY, 1, await copied())).pending).toMatchObject({
      found: 'not loaded yet',
    });
    const older = { generation: 2, held: held!.held };
    expect((await checkCopied(store, DAY, 2, older)).differences).not.toEqual([]);
    expect((await checkCopied(store, DAY, undefined, await copied())).pending).toMatchObject({
      found: 'rows of unknown origin',
    });
  });
});
