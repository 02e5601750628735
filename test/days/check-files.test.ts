import { describe, expect, it } from 'vitest';
import type { PartitionManifest } from '../../src/contracts/index.ts';
import { amendDay, checkDayFiles, sealDay, undoBackfill } from '../../src/days/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';
import { commitArrivals, DAY, LIMIT_MS, randomDay } from '../helpers/days-fixture.ts';
import { daysWorkshop } from '../helpers/days-workshop.ts';
import { flipBit } from '../helpers/publisher-setup.ts';

const { freshStore, options, backfill } = daysWorkshop();
const ARRIVALS = randomDay(5, { campaigns: 3, outcomes: 40 }).filter(
  ({ arrivalMs }) => arrivalMs < LIMIT_MS,
);
const [HALF, REST] = [ARRIVALS.filter((_, i) => i % 2 === 0), ARRIVALS.filter((_, i) => i % 2 > 0)];

const eventsOf = ({ files }: PartitionManifest) => files.find(({ role }) => role === 'events')!;

/** A sealed day of which one byte of the events is flipped once `remake` has read them. */
async function damaged(
  remake: (store: ObjectStore) => Promise<unknown>,
): Promise<{ readonly store: ObjectStore; readonly file: ReturnType<typeof eventsOf> }> {
  const store = await freshStore();
  await commitArrivals(store, 0, HALF);
  const file = eventsOf(await sealDay(options(store)));
  await remake(store);
  await flipBit(store, file.key, 400);
  return { store, file };
}

describe('damage of a generation', () => {
  it('that was replaced is told apart, and differs again once an undo asks for it', async () => {
    let id = '';
    const { store, file } = await damaged(async (own) => {
      ({ id } = await backfill(own, 'replace', ARRIVALS));
    });
    const told = await checkDayFiles(store, DAY);
    expect(told.differences).toEqual([]);
    expect(told.superseded).toMatchObject([{ generation: 1, what: file.key }]);
    await undoBackfill(store, id);
    const undone = await checkDayFiles(store, DAY);
    expect(undone.differences).toMatchObject([{ what: file.key }]);
    expect(undone.superseded).toEqual([]);
  });

  it.each([
    ['merged', (own: ObjectStore) => backfill(own, 'merge', REST)],
    [
      'amended',
      async (own: ObjectStore) => {
        const late = REST.map(({ event }) => ({ event, arrivalMs: LIMIT_MS + 1 }));
        await commitArrivals(own, 0, late);
        expect(await amendDay(options(own))).toMatchObject({ generation: 2 });
      },
    ],
  ])('that was %s into the newest differs', async (_, remake) => {
    const { store, file } = await damaged(remake);
    const { differences, superseded } = await checkDayFiles(store, DAY);
    expect(differences.map(({ what }) => what)).toEqual([file.key]);
    expect(superseded).toEqual([]);
  });

  it('is not told apart where a manifest on the way cannot be read', async () => {
    const { store, file } = await damaged((own) => backfill(own, 'replace', ARRIVALS));
    await flipBit(store, `days/${DAY}/g0002/manifest.json`, 40);
    const { differences } = await checkDayFiles(store, DAY);
    expect(differences.map(({ what }) => what)).toEqual(['a manifest', file.key]);
  });

  it('says once what is there and what was recorded', async () => {
    const { store, file } = await damaged(() => Promise.resolve());
    const recorded = `${file.bytes} bytes with digest ${file.sha256.slice(0, 12)}`;
    const flipped = await checkDayFiles(store, DAY);
    expect(flipped.differences).toMatchObject([{ what: file.key, recorded }]);
    const { found } = flipped.differences[0]!;
    expect(found).toMatch(new RegExp(`^${file.bytes} bytes with digest [0-9a-f]{12}$`));
    expect(found).not.toBe(recorded);
    await store.remove(file.key);
    const gone = await checkDayFiles(store, DAY);
    expect(gone.differences).toMatchObject([{ what: file.key, found: 'none', recorded }]);
  });
});
