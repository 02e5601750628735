import { describe, expect, it } from 'vitest';
import {
  claimsOf,
  claimsOfFiles,
  listBackfills,
  missingGenerations,
  publishBackfill,
  sealDay,
  storeOfBackfill,
  undoBackfill,
  verifyDay,
} from '../../src/days/index.ts';
import {
  generationFolders,
  listSealedDays,
  type ObjectStore,
  readManifest,
  removeOrphans,
} from '../../src/store/index.ts';
import { commitArrivals, DAY, randomDay } from '../helpers/days-fixture.ts';
import { daysWorkshop } from '../helpers/days-workshop.ts';

const { freshStore, building, options, planned, backfill } = daysWorkshop();
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

  it.each([[false], [true]])(
    'of an undone backfill that was killed before its manifest are removed, none is missed (day sealed: %s)',
    async (isSealed) => {
      const store = await freshStore();
      if (isSealed) {
        await commitArrivals(store, 0, arrivals);
        await sealDay(options(store));
      }
      const { id } = await planned(store, 'merge', arrivals);
      const dying: ObjectStore = {
        ...store,
        putIfAbsent: (key, bytes) =>
          key.endsWith('manifest.json')
            ? Promise.reject(new Error('killed'))
            : store.putIfAbsent(key, bytes),
      };
      await expect(publishBackfill(building(dying), dying, id)).rejects.toThrow('killed');
      const generation = isSealed ? 2 : 1;
      const left = await store.list(`days/${DAY}/g000${generation}`);
      expect(left).toHaveLength(2);
      const restored = isSealed ? 1 : null;
      expect(await undoBackfill(store, id)).toEqual([{ day: DAY, generation, restored }]);
      const folders = await generationFolders(store);
      const claims = [
        ...claimsOf(await listBackfills(store)),
        ...(await claimsOfFiles(store, folders, LATER)),
      ];
      expect(missingGenerations(DAY, folders, claims)).toEqual([]);
      expect((await removeOrphans(store, LATER)).old).toEqual(left);
      if (isSealed) await verifyDay(store, await readManifest(store, DAY));
      else expect(await listSealedDays(store)).toEqual([]);
    },
  );
});
