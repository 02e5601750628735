import { describe, expect, it } from 'vitest';
import { addDays, isVamoError } from '../../src/core/index.ts';
import {
  amendDay,
  dayReports,
  publishBackfill,
  readBackfill,
  requireTakable,
  sealDay,
  undoBackfill,
  verifyDay,
} from '../../src/days/index.ts';
import {
  listGenerations,
  listSealedDays,
  type ObjectStore,
  readManifest,
} from '../../src/store/index.ts';
import {
  type Arrival,
  commitArrivals,
  DAY,
  LIMIT_MS,
  randomDay,
  sealConfig,
} from '../helpers/days-fixture.ts';
import { daysWorkshop, dyingBeforeRecords } from '../helpers/days-workshop.ts';

const { freshStore, building, options, planned, backfill } = daysWorkshop();

const inTime = randomDay(8, { campaigns: 4, outcomes: 200, duplicates: 0 }).filter(
  ({ arrivalMs }) => arrivalMs < LIMIT_MS,
);
const half = (n: number): Arrival[] => inTime.filter((_, i) => i % 2 === n);
/** What a day of these records is, sealed. */
async function digestOf(arrivals: readonly Arrival[]): Promise<string> {
  const store = await freshStore();
  await commitArrivals(store, 0, arrivals);
  return (await sealDay(options(store))).digest;
}

describe('a backfilled day', () => {
  it('merged has the rows of both, each once', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, half(0), { dead: { [DAY]: 2 } });
    const sealed = await sealDay(options(store));
    const { manifest } = await backfill(store, 'merge', [...half(1), ...half(0).slice(0, 30)]);
    expect(manifest.digest).toBe(await digestOf(inTime));
    expect(manifest).toMatchObject({ kind: 'backfill', generation: 2, parent: 1 });
    expect(manifest.inputs.base?.digest).toBe(sealed.digest);
    expect(manifest.counts).toMatchObject({
      records: inTime.length + 30 + 2,
      accepted: inTime.length,
      duplicate: 30,
      dead_lettered: 2,
    });
    await verifyDay(store, manifest);
  });

  it('replaced has the rows of the backfill alone', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, half(0));
    await sealDay(options(store));
    const { manifest } = await backfill(store, 'replace', half(1));
    expect(manifest.digest).toBe(await digestOf(half(1)));
    expect(manifest).toMatchObject({ generation: 2, parent: 1, inputs: { base: null } });
    expect(manifest.counts.accepted).toBe(half(1).length);
  });

  it('keeps of two payloads under one id the one that arrived first, from either side', async () => {
    const clash = (arrival: Arrival, laterMs: number): Arrival => ({
      arrivalMs: arrival.arrivalMs + laterMs,
      event: { ...arrival.event, campaign_id: 'changed' },
    });
    const changed = inTime.slice(0, 20);
    const digests = [];
    for (const [live, filled] of [
      [inTime, changed.map((arrival) => clash(arrival, 5))],
      [changed.map((arrival) => clash(arrival, 5)), inTime],
    ] as const) {
      const store = await freshStore();
      await commitArrivals(store, 0, live);
      await sealDay(options(store));
      const { manifest } = await backfill(store, 'merge', filled);
      digests.push(manifest.digest);
      expect(manifest.clashes).toBe(20);
    }
    expect(new Set(digests)).toEqual(new Set([await digestOf(inTime)]));
  });

  it('has every record that came in once: taken in, late, bad or replaced', async () => {
    const store = await freshStore();
    const late = half(1).slice(0, 10);
    await commitArrivals(store, 0, half(0), { dead: { [DAY]: 2 } });
    await sealDay(options(store));
    await commitArrivals(
      store,
      0,
      late.map(({ event }) => ({ event, arrivalMs: LIMIT_MS + 1 })),
    );
    const live = half(0).length + 10 + 2;
    const none = { late: 0, replayed: 0 };
    expect(await dayReports(store)).toMatchObject([{ records: live, late: 10, replaced: 0 }]);
    await backfill(store, 'merge', half(1), { dead: { [DAY]: 3 } });
    const merged = { ...none, records: live + half(1).length + 3, replaced: 0 };
    const added = { accepted: inTime.length, duplicate: 10, dead_lettered: 5 };
    expect(await dayReports(store)).toMatchObject([{ ...merged, ...added }]);
    expect((await amendDay(options(store))).generation).toBe(2);

    const { id } = await backfill(store, 'replace', half(1).slice(1), { dead: { [DAY]: 1 } });
    const replaced = inTime.length + 10 + 3;
    const left = { accepted: half(1).length - 1, duplicate: 0, dead_lettered: 3, replaced };
    const records = merged.records + half(1).length;
    expect(await dayReports(store)).toMatchObject([{ ...none, records, ...left }]);
    await undoBackfill(store, id);
    expect(await dayReports(store)).toMatchObject([{ ...merged, ...added }]);
  });

  it('leaves late rows out where they are dropped', async () => {
    const store = await freshStore();
    const config = { ...sealConfig(1), days: { ...sealConfig(1).days, late: 'drop' as const } };
    const late = half(1).slice(0, 10);
    await commitArrivals(store, 0, half(0));
    await sealDay(options(store, config));
    await commitArrivals(
      store,
      0,
      late.map(({ event }) => ({ event, arrivalMs: LIMIT_MS + 1 })),
    );
    await backfill(store, 'merge', half(1).slice(10), { config });
    const accepted = inTime.length - 10;
    expect(await dayReports(store)).toMatchObject([{ generation: 2, late: 10, accepted }]);
  });

  it('is refused while the day is open: its live rows would be shut out', async () => {
    const store = await freshStore();
    const plan = await planned(store, 'merge', half(1));
    const taking = () => requireTakable(store, sealConfig(1), { plan, days: [] });
    await taking();
    await commitArrivals(store, 0, half(0));
    const open = { code: 'DAY_UNSEALED' };
    await expect(taking()).rejects.toMatchObject(open);
    const replaying = (day: string) => {
      const files = [{ key: 'a', sha256: 'a'.repeat(64), rows: 1, byDay: { [day]: 1 } }];
      const replay = { ...plan, source: { kind: 'dead-letters' as const, files } };
      return requireTakable(store, sealConfig(1), { plan: replay, days: [] });
    };
    await expect(replaying(DAY)).rejects.toMatchObject(open);
    await replaying(addDays(DAY, -1));
    await expect(publishBackfill(building(store), store, plan.id)).rejects.toMatchObject(open);
    expect(await listSealedDays(store)).toEqual([]);
    const { days } = sealConfig(1);
    await sealDay(options(store));
    await taking();
    const other = { ...sealConfig(1), days: { ...days, latenessMs: 1 } };
    await expect(requireTakable(store, other, { plan, days: [] })).rejects.toMatchObject({
      code: 'DAY_SEALED',
    });
  });
});

describe('publishing a backfill', () => {
  it('again changes nothing, also after a death between the day and its record', async () => {
    const store = await freshStore();
    const { id } = await planned(store, 'merge', inTime);
    const dying = dyingBeforeRecords(store);
    await expect(publishBackfill(building(store), dying, id)).rejects.toThrow('killed');
    expect((await readBackfill(store, id)).days).toEqual([]);
    const [first] = await publishBackfill(building(store), store, id);
    const [second] = await publishBackfill(building(store), store, id);
    expect(second).toEqual(first);
    expect(await listGenerations(store, DAY)).toEqual([1]);
    expect(await readBackfill(store, id)).toMatchObject({
      isDone: true,
      days: [{ generation: 1 }],
    });
  });

  it('is undone by generations of the former files, once', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, half(0));
    const sealed = await sealDay(options(store));
    const { id, manifest } = await backfill(store, 'merge', half(1));
    expect(await undoBackfill(store, id)).toEqual([{ day: DAY, generation: 3, restored: 1 }]);
    expect(await undoBackfill(store, id)).toEqual([]);
    expect(await readManifest(store, DAY)).toMatchObject({ kind: 'undo', digest: sealed.digest });
    // The same again is another round, and ends the same.
    const again = await backfill(store, 'merge', half(1));
    expect(again.id).not.toBe(id);
    expect(again.manifest).toMatchObject({ generation: 4, digest: manifest.digest });
    await undoBackfill(store, again.id);
    expect(await readManifest(store, DAY)).toMatchObject({ generation: 5, files: sealed.files });
  });

  it('undone takes a day away that was not there before; it can be sealed then', async () => {
    const store = await freshStore();
    const { id } = await backfill(store, 'merge', half(0));
    await undoBackfill(store, id);
    expect(await listSealedDays(store)).toEqual([]);
    await expect(readManifest(store, DAY)).rejects.toMatchObject({ code: 'DAY_UNSEALED' });
    await commitArrivals(store, 0, half(1));
    expect(await sealDay(options(store))).toMatchObject({ generation: 3, kind: 'seal' });
  });

  it('is undone to the end although a day was sealed or amended after the undo was killed', async () => {
    const unmarked = (store: ObjectStore): ObjectStore => ({
      ...store,
      putIfAbsent: (key, bytes) =>
        key.endsWith('undone.json')
          ? Promise.reject(new Error('killed'))
          : store.putIfAbsent(key, bytes),
    });
    const fresh = await freshStore();
    const first = await backfill(fresh, 'merge', half(0));
    await expect(undoBackfill(unmarked(fresh), first.id)).rejects.toThrow('killed');
    await commitArrivals(fresh, 0, half(1));
    await sealDay(options(fresh));

    const live = await freshStore();
    await commitArrivals(live, 0, half(0));
    await sealDay(options(live));
    const second = await backfill(live, 'merge', half(1));
    await expect(undoBackfill(unmarked(live), second.id)).rejects.toThrow('killed');
    await expect(
      requireTakable(live, sealConfig(1), await readBackfill(live, second.id)),
    ).rejects.toMatchObject({ code: 'BACKFILL_BUILT_ON' });
    const late = half(1).slice(0, 5);
    await commitArrivals(
      live,
      0,
      late.map(({ event }) => ({ event, arrivalMs: LIMIT_MS + 1 })),
    );
    await amendDay(options(live));

    for (const [store, { id }, newest] of [
      [fresh, first, { generation: 3, kind: 'seal' }],
      [live, second, { generation: 4, kind: 'amend' }],
    ] as const) {
      expect(await undoBackfill(store, id)).toEqual([]);
      expect(await readBackfill(store, id)).toMatchObject({ isUndone: true });
      expect(await readManifest(store, DAY)).toMatchObject(newest);
    }
  });

  it('is not undone from under a generation that was built on it', async () => {
    const store = await freshStore();
    const first = await backfill(store, 'merge', half(0));
    const second = await backfill(store, 'merge', half(1));
    const refused = await undoBackfill(store, first.id).catch((error: unknown) => error);
    expect(isVamoError(refused, 'BACKFILL_BUILT_ON') && refused.message).toContain(
      `generation 2 (backfill ${second.id})`,
    );
    expect(refused).toMatchObject({ mend: `Run \`vamo backfill --undo ${second.id}\` first.` });
    await undoBackfill(store, second.id);
    await undoBackfill(store, first.id);
    expect(await listSealedDays(store)).toEqual([]);
  });
});
