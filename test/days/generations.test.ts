import { beforeAll, describe, expect, it } from 'vitest';
import type { PartitionManifest } from '../../src/contracts/index.ts';
import { DAY_MS, seededRandom } from '../../src/core/index.ts';
import {
  amendDay,
  dayReports,
  followDays,
  isAmendDue,
  matureDay,
  restoreGeneration,
  sealDay,
  verifyDay,
} from '../../src/days/index.ts';
import { listGenerations, type ObjectStore, readManifest } from '../../src/store/index.ts';
import {
  type Arrival,
  commitArrivals,
  DAY,
  LIMIT_MS,
  randomDay,
  sealConfig,
  START,
} from '../helpers/days-fixture.ts';
import { at, campaign, column, conversion, HOUR, outcome } from '../helpers/few-events.ts';
import { daysWorkshop } from '../helpers/days-workshop.ts';

const { freshStore, options } = daysWorkshop();
const build = (store: ObjectStore, config = sealConfig(2)) => options(store, config);
const sums = ({ counts }: PartitionManifest) =>
  counts.accepted + counts.duplicate + counts.late + counts.dead_lettered;

/** A day of which a tenth of the records, duplicates among them, arrives after the cut. */
function dayWithLateRows(seed: number): { readonly inTime: Arrival[]; readonly late: Arrival[] } {
  const random = seededRandom(seed, 3);
  const inTime: Arrival[] = [];
  const late: Arrival[] = [];
  for (const arrival of randomDay(seed, { campaigns: 5, outcomes: 300, duplicates: 0.2 }))
    if (arrival.arrivalMs < LIMIT_MS && random.next() < 0.9) inTime.push(arrival);
    else late.push({ ...arrival, arrivalMs: LIMIT_MS + random.below(DAY_MS) });
  return { inTime, late };
}

/** Both halves of the records, one a partition. */
async function commitBoth(store: ObjectStore, arrivals: readonly Arrival[]): Promise<void> {
  for (const p of [0, 1])
    await commitArrivals(
      store,
      p,
      arrivals.filter((_, i) => i % 2 === p),
      { flushRows: 100 },
    );
}

describe('an amended day', () => {
  let store: ObjectStore;
  let sealed: PartitionManifest;
  let amended: PartitionManifest;
  const { inTime, late } = dayWithLateRows(4);
  beforeAll(async () => {
    store = await freshStore();
    await commitBoth(store, inTime);
    await commitBoth(store, late.slice(0, 20));
    sealed = await sealDay(build(store));
    await commitBoth(store, late.slice(20));
    amended = await amendDay(build(store));
  });

  it('is what a seal that waited for the late rows gives', async () => {
    const patient = await freshStore();
    await commitBoth(patient, [...inTime, ...late]);
    const config = { ...sealConfig(2), days: { ...sealConfig(2).days, latenessMs: 9 * DAY_MS } };
    const whole = await sealDay(build(patient, config));
    expect(sealed.digest).not.toBe(whole.digest);
    expect([amended.digest, amended.stepsDigest]).toEqual([whole.digest, whole.stepsDigest]);
    expect(amended.counts).toEqual(whole.counts);
  });

  it('is the next generation and says what it was made from', async () => {
    expect(amended).toMatchObject({ kind: 'amend', generation: 2, parent: 1 });
    expect(amended.inputs.base).toEqual({ generation: 1, digest: sealed.digest });
    expect(sealed.counts.late).toBe(20);
    expect(amended.counts.late).toBe(0);
    for (const manifest of [sealed, amended]) {
      expect(sums(manifest)).toBe(manifest.counts.records);
      await verifyDay(store, manifest);
    }
    expect(await readManifest(store, DAY)).toEqual(amended);
    expect(await readManifest(store, DAY, 1)).toEqual(sealed);
    expect(await dayReports(store)).toMatchObject([{ ...amended.counts, generation: 2, late: 0 }]);
  });

  it('stays as it is without late rows, and where late rows are dropped', async () => {
    expect(await amendDay(build(store))).toEqual(amended);
    const config = { ...sealConfig(2), days: { ...sealConfig(2).days, late: 'drop' as const } };
    await expect(amendDay(build(store, config))).rejects.toMatchObject({ code: 'DAY_SEALED' });
  });

  it('is undone by a generation of the former files, and amended again to the same', async () => {
    const follow = followDays(store);
    expect(await follow()).toEqual(await dayReports(store));
    const undone = await restoreGeneration(store, DAY, 1);
    expect(undone).toMatchObject({ kind: 'undo', generation: 3, parent: 2, files: sealed.files });
    expect(undone.inputs.restored).toBe(1);
    const [report] = await dayReports(store);
    expect(report).toMatchObject({ generation: 3, late: late.length, digest: sealed.digest });
    expect(await follow()).toEqual([report]);
    const again = await amendDay(build(store));
    expect([again.generation, again.digest, again.counts]).toEqual([
      4,
      amended.digest,
      amended.counts,
    ]);
    expect(await listGenerations(store, DAY)).toEqual([1, 2, 3, 4]);
  });
});

describe('amending by itself', () => {
  const rule = { autoShare: 0.1, autoRows: 50 };
  const newest = { arrivedUntilMs: 1000 };
  const due = (late: number, records: number, arrivedMs: number): boolean =>
    isAmendDue({ late, records }, newest, arrivedMs, rule);

  it('waits for many late rows, and for a day of arrivals', () => {
    const dayLater = 1000 + DAY_MS;
    expect(due(0, 100, dayLater)).toBe(false);
    expect(due(10, 100, dayLater)).toBe(false);
    expect(due(11, 100, dayLater)).toBe(true);
    expect(due(51, 100_000, dayLater)).toBe(true);
    expect(due(51, 100_000, dayLater - 1)).toBe(false);
  });
});

describe('conversions after midnight', () => {
  const end = START + DAY_MS;
  const window = 26 * HOUR;
  const config = sealConfig(1, window);
  const day = [
    at(campaign),
    at(outcome('early', START + HOUR)),
    at(outcome('last', end - HOUR)),
    at(conversion('same-day', START + 3 * HOUR, 'early', 1)),
    at(conversion('soon', end + 10, 'last', 10)),
    at(conversion('too-late', START + HOUR + window + 1, 'early', 100)),
    at(conversion('just', START + HOUR + window, 'early', 1000)),
    at(conversion('next', end + 24 * HOUR, 'last', 10_000)),
    at(conversion('next', end + 24 * HOUR, 'last', 10_000), end + 25 * HOUR),
    at(conversion('other', end + 20, 'of another day', 100_000)),
  ];
  const laterMs = end + config.days.latenessMs + window;

  it('count at the step of their outcome, within the window, once they have arrived', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, day, { flushRows: 3 });
    const sealed = await sealDay(build(store, config));
    expect(sealed).toMatchObject({ attributionMs: window, matureAtMs: laterMs });
    expect(sealed.rewardsUntilMs).toBeLessThan(laterMs);
    expect(await column(store, sealed, 'reward_attributed')).toEqual({ 4: 1, 92: 10 });
    expect(await dayReports(store)).toMatchObject([{ mature: false }, { sealed: false }, {}]);

    expect(await matureDay(build(store, config))).toBeUndefined();
    await commitArrivals(store, 0, [at(outcome('after', laterMs))]);
    const mature = await matureDay(build(store, config));
    expect(mature).toMatchObject({ generation: 2, kind: 'amend', rewardsUntilMs: laterMs });
    expect(mature?.digest).toBe(sealed.digest);
    expect(await column(store, mature!, 'reward_attributed')).toEqual({ 4: 1001, 92: 10_010 });
    expect(await dayReports(store)).toMatchObject([{ mature: true }, {}, {}]);
    expect(await matureDay(build(store, config))).toBeUndefined();
    await verifyDay(store, mature!);
  });

  it('are mature though a partition is idle, once that is ingested to its end', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, [...day, at(outcome('after', laterMs))]);
    const two = build(store, sealConfig(2, window));
    await sealDay(two);
    const asked = (end: number) => () =>
      Promise.resolve({ ends: [99, end], askedMs: laterMs + DAY_MS, stampsArrivals: false });
    expect(await matureDay(two)).toBeUndefined();
    expect(await matureDay({ ...two, askSource: asked(1) })).toBeUndefined();
    const mature = await matureDay({ ...two, askSource: asked(0) });
    expect(mature).toMatchObject({ generation: 2, rewardsUntilMs: laterMs });
  });

  it('are seen on no step of the day: nobody knew of them then', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, [...day, at(outcome('after', laterMs))]);
    await sealDay(build(store, config));
    const mature = await matureDay(build(store, config));
    expect(await column(store, mature!, 'reward_seen')).toEqual({ 12: 1 });
  });

  it('are the same however they were flushed, also on a restored generation', async () => {
    const digests = new Set<string>();
    for (const [flushRows, isRestored] of [
      [2, false],
      [100, true],
    ] as const) {
      const store = await freshStore();
      await commitArrivals(store, 0, [...day, at(outcome('after', laterMs))], { flushRows });
      await sealDay(build(store, config));
      if (isRestored) await restoreGeneration(store, DAY, 1);
      digests.add((await matureDay(build(store, config)))!.stepsDigest);
    }
    expect(digests.size).toBe(1);
  });

  it('do not count without a window', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, day);
    const sealed = await sealDay(build(store, sealConfig(1)));
    expect(await column(store, sealed, 'reward_attributed')).toEqual({ 4: 1 });
    expect(sealed.files.map(({ role }) => role)).toEqual(['events', 'steps']);
    expect(await dayReports(store)).toMatchObject([{ mature: true }, {}, {}]);
  });
});
