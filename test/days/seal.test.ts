import { describe, expect, it, vi } from 'vitest';
import { seededRandom, silentLogger, VamoError } from '../../src/core/index.ts';
import { createStepAccumulator } from '../../src/features/index.ts';
import { sealDay, sealSteps, type SourceEnd, verifyDay } from '../../src/days/index.ts';
import {
  emptyStepColumns,
  type PartitionManifest,
  STEP_COLUMNS,
} from '../../src/contracts/index.ts';
import { type ObjectStore, readDayLog, readDaySteps } from '../../src/store/index.ts';
import {
  type Arrival,
  DAY,
  LIMIT_MS,
  START,
  TASKS,
  commitArrivals,
  randomDay,
  sealConfig,
} from '../helpers/days-fixture.ts';
import { daysWorkshop } from '../helpers/days-workshop.ts';
import { expectedDay } from '../helpers/days-oracle.ts';

const { freshStore, options } = daysWorkshop();

/** A fresh store with these partitions committed. */
async function storeOf(
  partitions: readonly (readonly Arrival[])[],
  flushRows?: number,
): Promise<ObjectStore> {
  const store = await freshStore();
  for (const [p, records] of partitions.entries())
    await commitArrivals(store, p, records, flushRows === undefined ? {} : { flushRows });
  return store;
}

const seal = (store: ObjectStore, partitions: number, more: object = {}) =>
  sealDay({ ...options(store, sealConfig(partitions)), ...more });

/** Spreads records over partitions at random. */
function spread(arrivals: readonly Arrival[], count: number, seed: number): Arrival[][] {
  const random = seededRandom(seed, 5);
  const parts: Arrival[][] = Array.from({ length: count }, () => []);
  for (const arrival of arrivals) parts[random.below(count)]!.push(arrival);
  return parts;
}

describe('a sealed day', () => {
  it.each([1, 2, 3])('has the step sums of an independent count, seed %i', async (seed) => {
    const late = seed % 2 === 0 ? [lateArrival('x1'), lateArrival('x2')] : [];
    const parts = spread(
      [...randomDay(seed, { campaigns: 7, outcomes: 900, duplicates: 0.1 }), ...late],
      3,
      seed,
    );
    const store = await storeOf(parts, 200);
    const manifest = await seal(store, 3);
    const expected = expectedDay(parts);

    const { campaigns } = await readDaySteps(store, manifest);
    expect(campaigns.map((c) => c.campaignId)).toEqual(Object.keys(expected.steps).toSorted());
    for (const { campaignId, columns } of campaigns)
      for (const name of STEP_COLUMNS)
        expect([...columns[name]], `${campaignId} ${name}`).toEqual(
          expected.steps[campaignId]![name],
        );
    expect(manifest.counts).toMatchObject({
      records: parts.flat().length,
      accepted: expected.accepted,
      duplicate: expected.duplicate,
      late: expected.late,
    });
    expect(manifest).toMatchObject({ clashes: expected.clashes, orphanOutcomes: expected.orphans });
    expect(expected.clashes).toBeGreaterThan(0);
    expect(expected.orphans).toBeGreaterThan(0);
    await verifyDay(store, manifest);
  });

  it('has the step sums of the live accumulator', async () => {
    const parts = spread(randomDay(6, { campaigns: 6, outcomes: 500, duplicates: 0.1 }), 2, 6);
    const store = await storeOf(parts, 300);
    const { reserve } = sealConfig(2).market;
    const live = createStepAccumulator({ day: DAY, utcOffsetMinutes: 0, reserve, tasks: TASKS });
    for (const { event, arrivalMs } of parts.flat())
      if (arrivalMs < LIMIT_MS) live.push(event, arrivalMs);
    expect(await readDaySteps(store, await seal(store, 2))).toEqual(live.daySteps());
  });

  it('is the same, byte for byte, however the records were spread and flushed', async () => {
    const day = randomDay(9, { campaigns: 5, outcomes: 600, duplicates: 0.1 });
    const first = await seal(await storeOf(spread(day, 3, 1), 100), 3);
    const second = await seal(await storeOf(spread(day.toReversed(), 2, 2), 5000), 2);
    expect(second.digest).toBe(first.digest);
    expect(second.stepsDigest).toBe(first.stepsDigest);
    expect(second.files).toEqual(first.files);
  });

  it('has another digest when one event differs', async () => {
    const day = randomDay(9, { campaigns: 5, outcomes: 100, duplicates: 0 });
    const i = day.findIndex((a) => a.event.kind === 'outcome');
    const { event, arrivalMs } = day[i]!;
    const changed = day.with(i, {
      event: event.kind === 'outcome' ? { ...event, pv_sigma: event.pv_sigma + 1 } : event,
      arrivalMs,
    });
    const first = await seal(await storeOf([day]), 1);
    const second = await seal(await storeOf([changed]), 1);
    expect(second.digest).not.toBe(first.digest);
    expect(second.stepsDigest).toBe(first.stepsDigest);
  });

  it('gives replay each campaign’s outcomes and terms in time order', async () => {
    const day = randomDay(3, { campaigns: 4, outcomes: 300, duplicates: 0 });
    const store = await storeOf([day]);
    const { campaigns, startMs } = await readDayLog(store, await seal(store, 1));
    expect(startMs).toBe(START);
    expect(campaigns.map((c) => c.campaignId)).toEqual(['c0', 'c1', 'c2', 'c3']);
    for (const log of campaigns) {
      const own = day
        .flatMap(({ event }) =>
          event.kind === 'outcome' && event.campaign_id === log.campaignId ? [event] : [],
        )
        .sort((a, b) => a.event_time - b.event_time || (a.event_id < b.event_id ? -1 : 1));
      expect(log.outcomes.count).toBe(own.length);
      expect([...log.outcomes.bid]).toEqual(own.map((o) => o.bid));
      expect([...log.outcomes.competing3]).toEqual(own.map((o) => o.competing_3));
      expect([...log.outcomes.exposed]).toEqual(own.map((o) => Number(o.exposed)));
      const times = log.campaignEvents.map((c) => c.eventTime);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });
});

const lateArrival = (id: string): Arrival => ({
  arrivalMs: LIMIT_MS,
  event: {
    kind: 'cart',
    event_id: id,
    event_time: START + 1000,
    campaign_id: 'c0',
    outcome_id: 'o0',
    items: 1,
  },
});

/** A source that answers, an hour after the limit unless said otherwise. */
const answering = (known: Partial<SourceEnd>) => () =>
  Promise.resolve({ askedMs: LIMIT_MS + 3_600_000, stampsArrivals: false, ends: [], ...known });

describe('sealing', () => {
  const day = randomDay(2, { campaigns: 3, outcomes: 60 });

  it('again gives back the same manifest; under other rules it is refused', async () => {
    const store = await storeOf([day]);
    const first = await seal(store, 1);
    await commitArrivals(store, 0, [lateArrival('later')]);
    expect(await seal(store, 1)).toEqual(first);
    const config = { ...sealConfig(1), days: { ...sealConfig(1).days, latenessMs: 1 } };
    await expect(seal(store, 1, { config })).rejects.toMatchObject({ code: 'DAY_SEALED' });
  });

  it('after a death between files and manifest starts over and ends the same', async () => {
    const whole = await storeOf([day]);
    const expected = await seal(whole, 1);
    const store = await storeOf([day]);
    const dying: ObjectStore = {
      ...store,
      putIfAbsent: () => Promise.reject(new Error('killed')),
    };
    await expect(seal(dying, 1)).rejects.toThrow('killed');
    await store.put('days/2026-03-01/g0001/events-0.arrow', Buffer.from('torn'));
    expect(await seal(store, 1)).toEqual(expected);
  });

  it('is of one builder when another, held up, uploads its own files later', async () => {
    const store = await storeOf([day]);
    const only = { campaignId: 'x', advertiserId: 'a', task: 'store', columns: emptyStepColumns() };
    let faster: PartitionManifest | undefined;
    const heldUp: ObjectStore = {
      ...store,
      adopt: async (key, path) => {
        faster ??= await sealSteps(store, { day: DAY, campaigns: [only] }, sealConfig(1).days);
        return store.adopt(key, path);
      },
    };
    expect(await seal(heldUp, 1)).toEqual(faster);
    await verifyDay(store, faster!);
  });

  it('refuses a day without committed events, and does not see files no ledger names', async () => {
    const store = await storeOf([[]]);
    await store.put(`seg/day=${DAY}/orphan.arrow`, Buffer.from('anything'));
    await expect(seal(store, 1)).rejects.toMatchObject({
      code: 'DAY_MISSING',
      message: expect.stringContaining(`${DAY} has no events`) as string,
      details: { known: [] },
    });
    const outcomes = day.filter(({ event }) => event.kind === 'outcome');
    for (const days of [1, 3])
      await commitArrivals(
        store,
        0,
        outcomes.slice(0, 2).map(({ event, arrivalMs }) => ({
          event: { ...event, event_time: event.event_time + days * 86_400_000 },
          arrivalMs: arrivalMs + days * 86_400_000,
        })),
      );
    await expect(seal(store, 1)).rejects.toMatchObject({
      message: expect.stringMatching(/: its days are 2026-03-02 to 2026-03-04$/) as string,
    });
  });

  it('waits for what arrives at the cut when asked to and the source cannot be', async () => {
    const store = await storeOf([day, []]);
    const wait = { require: 'limit' };
    await expect(seal(store, 2, wait)).rejects.toMatchObject({ code: 'DAY_NOT_READY' });
    await commitArrivals(store, 0, [lateArrival('l0')]);
    await expect(seal(store, 2, wait)).rejects.toThrow(/partition 1 /);
    await commitArrivals(store, 1, [lateArrival('l1')]);
    const manifest = await seal(store, 2, wait);
    expect(manifest.counts.late).toBe(2);
    expect(manifest.cut.map((c) => c.offset)).toEqual([String(day.length), '0']);
  });

  it('does not wait for an idle partition that is ingested to its end', async () => {
    const parts = [[...day, lateArrival('l0')], day.slice(0, 3), []];
    const askSource = answering({ ends: [99, 3, 0] });
    const manifest = await seal(await storeOf(parts), 3, { require: 'limit', askSource });
    expect(manifest.cut.map((c) => c.offset)).toEqual([String(day.length), '3', '0']);
    expect(manifest.counts.late).toBe(1);
  });

  it('waits for a partition that is behind its end, also at the end of the source', async () => {
    const store = await storeOf([[...day, lateArrival('l0')], day.slice(0, 3), []]);
    const askSource = answering({ ends: [99, 1203, 0] });
    for (const require of ['limit', 'end'])
      await expect(seal(store, 3, { require, askSource })).rejects.toMatchObject({
        code: 'DAY_NOT_READY',
        message: expect.stringMatching(/: partition 1 of \S+ is 1200 offsets behind/) as string,
        details: { partitions: [1] },
        mend: 'Let `vamo ingest` catch up, then seal again.',
      });
  });

  it('by the clock alone waits where producers give the time, not where the source does', async () => {
    const parts = [day.filter(({ arrivalMs }) => arrivalMs < LIMIT_MS), []];
    const ends = parts.map(({ length }) => length);
    const store = await storeOf(parts);
    const require = 'limit';
    for (const known of [
      { ends },
      { ends, stampsArrivals: true, askedMs: LIMIT_MS },
      { ends, stampsArrivals: false, askedMs: Infinity },
    ])
      await expect(seal(store, 2, { require, askSource: answering(known) })).rejects.toThrow(
        /nothing from 2026-03-02T00:30:00.000Z or later is ingested from partition 0, 1 /,
      );
    const askSource = answering({ ends, stampsArrivals: true });
    const manifest = await seal(store, 2, { require, askSource });
    expect(manifest.cut.map((c) => c.offset)).toEqual(ends.map(String));
  });

  it('says when the source does not answer; at its end it goes on without', async () => {
    const store = await storeOf([[...day, lateArrival('l0')], []]);
    const askSource = () => Promise.resolve(new VamoError('INGEST_SOURCE', 'Kafka at x: away'));
    await expect(seal(store, 2, { require: 'limit', askSource })).rejects.toThrow(
      /from partition 1 of \S+; where it ends cannot be asked: Kafka at x: away$/,
    );
    const warn = vi.fn();
    const log = { ...silentLogger, warn };
    await seal(store, 2, { require: 'end', askSource, log });
    expect(warn).toHaveBeenCalledWith('seal.end-unknown', { day: DAY, reason: 'Kafka at x: away' });
  });

  it('refuses a segment that is not what was committed', async () => {
    const store = await storeOf([day]);
    const [key] = await store.list('seg');
    const bytes = Buffer.from(await store.get(key!));
    bytes[bytes.length >> 1]! ^= 1;
    await store.put(key!, bytes);
    await expect(seal(store, 1)).rejects.toThrow(key!);
  });

  it('stops when interrupted and leaves nothing sealed', async () => {
    const store = await storeOf([day]);
    const stop = new AbortController();
    const progress = (done: number): void => {
      if (done === 2) stop.abort();
    };
    await expect(seal(store, 1, { signal: stop.signal, progress })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(await store.list('days')).toEqual([]);
  });
});
