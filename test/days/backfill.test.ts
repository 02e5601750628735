import { describe, expect, it } from 'vitest';
import { isVamoError } from '../../src/core/index.ts';
import {
  amendDay,
  dayReports,
  publishBackfill,
  readBackfill,
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
import { type Arrival, commitArrivals, DAY, LIMIT_MS, randomDay } from '../helpers/days-fixture.ts';
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

  it('still counts its late rows, and takes them in when it is amended', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, half(0));
    await sealDay(options(store));
    const late = half(1).slice(0, 10);
    await commitArrivals(
      store,
      0,
      late.map(({ event }) => ({ event, arrivalMs: LIMIT_MS + 1 })),
    );
    await backfill(store, 'merge', half(1).slice(10));
    expect(await dayReports(store)).toMatchObject([{ generation: 2, late: 10 }]);
    const amended = await amendDay(options(store));
    expect(amended.inputs.backfill?.mode).toBe('merge');
    expect(amended.counts).toMatchObject({ accepted: inTime.length, late: 0 });
    expect(await dayReports(store)).toMatchObject([{ generation: 3, late: 0 }]);
  });

  it('is refused while the day is open: its live rows would be shut out', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, half(0));
    await expect(backfill(store, 'merge', half(1))).rejects.toMatchObject({ code: 'DAY_UNSEALED' });
    expect(await listSealedDays(store)).toEqual([]);
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
    expect(isVamoError(refused, 'BACKFILL_BUILT_ON') && refused.message).toContain('generation 2');
    await undoBackfill(store, second.id);
    await undoBackfill(store, first.id);
    expect(await listSealedDays(store)).toEqual([]);
  });
});
