import { describe, expect, it } from 'vitest';
import { sealDay, storeOfBackfill, undoBackfill, verifyDay } from '../../src/days/index.ts';
import { readManifest, removeOrphans } from '../../src/store/index.ts';
import { commitArrivals, DAY, randomDay } from '../helpers/days-fixture.ts';
import { daysWorkshop } from '../helpers/days-workshop.ts';

const { freshStore, options, planned, backfill } = daysWorkshop();
const arrivals = randomDay(8, { campaigns: 2, outcomes: 40 });
const LATER = Date.now() + 3_600_000;

describe('orphans', () => {
  it('of backfills are removed; what their ledgers name stays', async () => {
    const store = await freshStore();
    const { id } = await planned(store, 'merge', arrivals);
    const own = storeOfBackfill(store, id);
    const named = await own.list('seg');
    await own.put('seg/day=x/left.arrow', Buffer.from('x'));
    await own.put('dlq/left.jsonl', Buffer.from('x'));
    expect((await removeOrphans(store, LATER)).old).toEqual([
      `backfill/${id}/seg/day=x/left.arrow`,
      `backfill/${id}/dlq/left.jsonl`,
    ]);
    expect(await own.list('seg')).toEqual(named);
    expect(await own.has('plan.json')).toBe(true);
  });

  it('of builders are removed; files of older generations, undone ones and lost ones stay', async () => {
    const store = await freshStore();
    await commitArrivals(store, 0, arrivals);
    await sealDay(options(store));
    const { id } = await backfill(store, 'merge', arrivals);
    await undoBackfill(store, id);
    const left = [`days/${DAY}/g0001/steps-0.arrow`, `days/${DAY}/g0002/events-0.arrow`];
    const unknown = `days/${DAY}/g0004/events-0.arrow`;
    for (const key of [...left, unknown]) await store.put(key, Buffer.from('x'));
    expect(await removeOrphans(store, 0)).toMatchObject({ old: [], young: left });
    expect((await removeOrphans(store, LATER)).old).toEqual(left);
    expect(await store.has(unknown)).toBe(true);
    for (const generation of [1, 2, 3])
      await verifyDay(store, await readManifest(store, DAY, generation));
  });
});
