import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/index.ts';
import {
  amendDay,
  matureDay,
  publishBackfill,
  sealDay,
  undoBackfill,
} from '../../src/days/index.ts';
import { readManifest } from '../../src/store/index.ts';
import { commitArrivals, DAY, LIMIT_MS, sealConfig, START } from '../helpers/days-fixture.ts';
import { daysWorkshop, dyingBeforeRecords } from '../helpers/days-workshop.ts';
import { at, campaign, column, conversion, HOUR, outcome } from '../helpers/few-events.ts';

const { freshStore, options, building, planned } = daysWorkshop();

describe('a late outcome', () => {
  it('has the conversion that came before it, although that was passed over then', async () => {
    const window = 26 * HOUR;
    const [end, matureAt] = [START + DAY_MS, LIMIT_MS + window];
    const config = sealConfig(1, window);
    const store = await freshStore();
    await commitArrivals(store, 0, [at(campaign), at(outcome('first', end - HOUR))]);
    await commitArrivals(store, 0, [at(conversion('early', end + HOUR, 'late', 7))]);
    await commitArrivals(store, 0, [at(outcome('after', matureAt))]);
    await sealDay(options(store, config));
    await matureDay(options(store, config));
    await commitArrivals(store, 0, [at(outcome('late', end - 2 * HOUR), matureAt + HOUR)]);
    const amended = await amendDay(options(store, config));
    expect(await column(store, amended, 'reward_attributed')).toEqual({ 88: 7 });
  });
});

describe('a backfill that was killed between the manifest of a day and its record', () => {
  it('can be undone', async () => {
    const store = await freshStore();
    const { id } = await planned(store, 'merge', [at(campaign), at(outcome('a', START + HOUR))]);
    const dying = dyingBeforeRecords(store);
    await expect(publishBackfill(building(store), dying, id)).rejects.toThrow('killed');
    expect(await undoBackfill(store, id)).toEqual([{ day: DAY, generation: 2, restored: null }]);
    await expect(readManifest(store, DAY)).rejects.toMatchObject({ code: 'DAY_UNSEALED' });
  });
});
