import { describe, expect, it } from 'vitest';
import { type BackfillPlan, isMature, type LedgerEntry } from '../../src/contracts/index.ts';
import { DAY_MS } from '../../src/core/index.ts';
import { dayReports, labelsUntil, matureDay, readUntil, sealDay } from '../../src/days/index.ts';
import { commitArrivals, DAY, LIMIT_MS, sealConfig, START } from '../helpers/days-fixture.ts';
import { daysWorkshop } from '../helpers/days-workshop.ts';
import { at, campaign, column, conversion, HOUR, outcome } from '../helpers/few-events.ts';

const plan = (source: BackfillPlan['source']): BackfillPlan => ({
  schema: 'backfill/v1',
  id: 'x',
  from: DAY,
  to: DAY,
  mode: 'merge',
  round: 1,
  source,
});
const topic = (isWhole: boolean): BackfillPlan =>
  plan({ kind: 'topic', cluster: 'c', topic: 't', ranges: [], fromMs: 0, untilMs: 900, isWhole });
const entries = [
  { partition: 0, maxArrivalMs: 700 },
  { partition: 1, maxArrivalMs: 400 },
  { partition: 1, maxArrivalMs: 500 },
] as LedgerEntry[];

describe('what a backfill is known to have read', () => {
  it('of a topic is the planned time only when every partition went beyond it', () => {
    expect(readUntil(topic(true), entries)).toBe(900);
    expect(readUntil(topic(false), entries)).toBe(500);
  });

  it('of files is the latest arrival; dead letters tell nothing', () => {
    expect(readUntil(plan({ kind: 'files', files: [], mapping: null }), entries)).toBe(700);
    expect(readUntil(plan({ kind: 'dead-letters', files: [] }), entries)).toBeUndefined();
  });

  it.each([
    ['short of the window', undefined, 130, 130],
    ['beyond the window', undefined, 999, 150],
    ['before the day is over: its own conversions are not in question', undefined, 50, 100],
    ['by the live source alone', undefined, undefined, 100],
    ['less far than what it is merged into', 150, 130, 130],
    ['further than what it is merged into', 120, 999, 120],
    ['by the live source alone, merged', 150, undefined, 150],
  ])('makes labels whole up to there: %s', (_, merged, until, expected) => {
    const base = merged === undefined ? undefined : { rewardsUntilMs: merged };
    expect(labelsUntil({ limit: 100, attributionMs: 50, base, until })).toBe(expected);
  });
});

const { freshStore, options, backfill } = daysWorkshop();
const end = START + DAY_MS;
const window = 26 * HOUR;
const config = sealConfig(1, window);
const matureAt = LIMIT_MS + window;
const day = [at(campaign), at(outcome('last', end - HOUR))];
const exported = [...day, at(conversion('soon', end + 10, 'last', 10))];
const after = at(outcome('after', matureAt));

describe('a day that was backfilled from files', () => {
  it('is mature only when they reach beyond the attribution window', async () => {
    for (const [arrivals, mature] of [
      [exported, false],
      [[...exported, after], true],
    ] as const) {
      const store = await freshStore();
      const { manifest } = await backfill(store, 'merge', arrivals, { config });
      expect(isMature(manifest)).toBe(mature);
      expect(await dayReports(store)).toMatchObject([{ day: DAY, mature }]);
    }
  });

  it('becomes mature with the live source, if that goes back to where the files end', async () => {
    const next = at(conversion('next', end + 20 * HOUR, 'last', 1000));
    const store = await freshStore();
    await backfill(store, 'merge', exported, { config });
    for (const arrivals of [[at(outcome('first', end + HOUR / 4))], [next], [after]])
      await commitArrivals(store, 0, arrivals);
    const mature = await matureDay(options(store, config));
    expect(isMature(mature!)).toBe(true);
    expect(await column(store, mature!, 'reward_attributed')).toEqual({ 92: 1010 });

    const gap = await freshStore();
    await backfill(gap, 'merge', exported, { config });
    for (const arrivals of [[next], [after]]) await commitArrivals(gap, 0, arrivals);
    expect(await matureDay(options(gap, config))).toBeUndefined();
  });

  it('replaced has of the live source only the conversions that the files cannot have', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, day);
    const inFiles = at(conversion('missing', end + HOUR / 4, 'last', 100));
    const beyond = at(conversion('beyond', end + HOUR, 'last', 1000));
    await commitArrivals(store, 0, [inFiles, beyond, after]);
    await sealDay(options(store, config));
    const live = await matureDay(options(store, config));
    expect(await column(store, live!, 'reward_attributed')).toEqual({ 92: 1100 });
    const { manifest } = await backfill(store, 'replace', exported, { config });
    expect(isMature(manifest)).toBe(false);
    expect(await column(store, manifest, 'reward_attributed')).toEqual({ 92: 10 });
    const mature = await matureDay(options(store, config));
    expect(await column(store, mature!, 'reward_attributed')).toEqual({ 92: 1010 });
  });
});
