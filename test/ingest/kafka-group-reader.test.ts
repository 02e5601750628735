import type { Batch } from 'kafkajs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { SourceHandler } from '../../src/ingest/event-source.ts';
import { createGroupReader, type GroupReader } from '../../src/ingest/kafka-group-reader.ts';
import { decodeRecordBatches } from '../../src/ingest/kafka-records.ts';
import { openPartition, type PartitionIngest } from '../../src/ingest/partition-ingest.ts';
import { type ObjectStore, readLedgers } from '../../src/store/index.ts';
import { encodeRecordBatch, fetchedBatch } from '../helpers/fetched-batch.ts';
import { partitionContext } from '../helpers/ingest-partition.ts';
import { memoryStore } from '../helpers/memory-store.ts';
import { type TroubledStore, troubledStore } from '../helpers/troubled-store.ts';

let shared: ObjectStore;
let store: TroubledStore;
let partition: PartitionIngest;
let reader: GroupReader;
let seeks: number[];
let low: number;
beforeEach(async () => {
  shared = memoryStore();
  store = troubledStore(shared);
  seeks = [];
  low = 0;
  partition = await openPartition(partitionContext(store), 0);
  const handler: SourceHandler = {
    assigned: () => Promise.resolve(new Map([[0, partition.next]])),
    batch: (batch) => partition.batch(batch),
    next: () => partition.next,
    skipped: (_, from, to) => partition.skipped(from, to),
    lost: (_, from, to) => partition.gap(from, to).then(() => partition.next),
    drain: () => partition.flush(true),
  };
  reader = createGroupReader({
    topic: 't',
    handler,
    seek: (_, next) => seeks.push(next),
    watermarks: () => Promise.resolve([{ low, high: 1000 }]),
  });
  await reader.assign([0]);
  expect(seeks.splice(0)).toEqual([0]);
});

/** Gives the reader a batch as the client does; answers the offset that the client then goes on from. */
async function take(batch: Batch): Promise<string | undefined> {
  let resolved: string | undefined;
  const resolveOffset = (offset: string) => void (resolved = offset);
  await reader.take({ batch, isStale: () => false, resolveOffset });
  return resolved;
}
const passed = (batch: Batch) => ({
  partition: 0,
  firstOffset: batch.firstOffset(),
  lastOffset: batch.lastOffset(),
});
const plain = (from: number, to: number) =>
  encodeRecordBatch(
    from,
    Array.from({ length: to - from }, (_, i) => from + i),
  );

describe('the reader of a group', () => {
  it('takes what a compacted log has left, and passes over what it has not', async () => {
    const compacted = await encodeRecordBatch(0, [2, 4], 6);
    expect(await take(await fetchedBatch(0, compacted))).toBe('6');
    expect(partition.next).toBe(7);
    expect(await take(await fetchedBatch(7, await plain(7, 9)))).toBe('8');
    await partition.flush(true);
    expect(seeks).toEqual([]);
    const [entry] = await readLedgers(store);
    expect([entry?.from, entry?.to, entry?.records]).toEqual(['0', '9', 4]);
  });

  it.each([
    ['that it asked for the end of', 2, 0, [1]],
    ['of which no record is left', 0, 0, []],
    ['of which no record is left, behind a hole', 0, 2, []],
  ])('goes on behind a compacted batch %s', async (_, asked, first, offsets) => {
    if (asked > 0) await take(await fetchedBatch(0, await plain(0, asked)));
    const batch = await fetchedBatch(asked, await encodeRecordBatch(first, offsets, 4));
    // What makes the client tell of it.
    const told = batch as Batch & { readonly isEmptyDueToFiltering: () => boolean };
    expect(told.isEmptyDueToFiltering()).toBe(true);
    reader.passOver(passed(batch));
    expect(partition.next).toBe(5);
    expect(await take(await fetchedBatch(5, await plain(5, 6)))).toBe('5');
    expect(seeks).toEqual([]);
  });

  it('passes nothing over that it did not ask for', async () => {
    await take(await fetchedBatch(0, await plain(0, 3)));
    reader.passOver({ partition: 0, firstOffset: '5', lastOffset: '6' });
    reader.passOver({ partition: 0, firstOffset: null, lastOffset: '4' });
    reader.passOver({ partition: 0, firstOffset: '0', lastOffset: '1' });
    reader.passOver({ partition: 1, firstOffset: '3', lastOffset: '9' });
    expect(partition.next).toBe(3);
    reader.passOver({ partition: 0, firstOffset: '2', lastOffset: '6' });
    expect(partition.next).toBe(7);
  });

  it('leaves a batch that the fetch cut off to the next one', async () => {
    const two = Buffer.concat([await plain(0, 2), await plain(2, 4)]);
    const cut = two.subarray(0, two.length - 1);
    const records = await decodeRecordBatches(cut, () => null);
    expect(records.map(({ position }) => position)).toEqual([0, 1]);
    expect(await take(await fetchedBatch(0, cut))).toBe('1');
    expect(await take(await fetchedBatch(2, two))).toBe('3');
    expect(seeks).toEqual([]);
  });

  it('goes back to the end of another’s commit before the next fetch, and only then', async () => {
    await take(await fetchedBatch(0, await plain(0, 5)));
    reader.goBackIfLost();
    expect(seeks).toEqual([]);
    store.hold('ledger/');
    const flushing = partition.flush(true);
    await vi.waitFor(() => expect(store.waiting).toBe(1));
    const rival = await openPartition(partitionContext(shared), 0);
    await rival.batch({ partition: 0, from: 0, to: 2, records: [] });
    await rival.flush(true);
    store.release();
    await flushing;
    reader.goBackIfLost();
    expect(seeks).toEqual([2]);
    reader.goBackIfLost();
    expect(seeks).toEqual([2]);
    expect(await take(await fetchedBatch(2, await plain(2, 5)))).toBe('4');
    await partition.flush(true);
    expect((await readLedgers(shared)).map(({ to }) => to)).toEqual(['2', '5']);
  });

  it('lets a batch that is under way when its commit is lost go nowhere', async () => {
    await take(await fetchedBatch(0, await plain(0, 5)));
    store.hold('ledger/');
    const flushing = partition.flush(true);
    await vi.waitFor(() => expect(store.waiting).toBe(1));
    const taking = take(await fetchedBatch(5, await plain(5, 8)));
    const rival = await openPartition(partitionContext(shared), 0);
    await rival.batch({ partition: 0, from: 0, to: 2, records: [] });
    await rival.flush(true);
    store.release();
    await flushing;
    expect(await taking).toBeUndefined();
    expect([partition.next, seeks]).toEqual([2, [2]]);
  });

  it('says nothing of a batch that ends when the group has given the partition away', async () => {
    await take(await fetchedBatch(0, await plain(0, 5)));
    store.hold('ledger/');
    const flushing = partition.flush(true);
    await vi.waitFor(() => expect(store.waiting).toBe(1));
    const taking = take(await fetchedBatch(5, await plain(5, 8)));
    await new Promise((resolve) => setImmediate(resolve));
    await reader.assign([]);
    store.release();
    await flushing;
    expect(await taking).toBeUndefined();
    expect(await take(await fetchedBatch(8, await plain(8, 9)))).toBeUndefined();
    expect([partition.next, seeks]).toEqual([8, []]);
  });

  it('asks again for an offset it was not given, in the end says so', async () => {
    const wrong = await fetchedBatch(3, await plain(3, 5));
    for (let i = 0; i < 3; i++) expect(await take(wrong)).toBeUndefined();
    expect(seeks).toEqual([0, 0, 0]);
    await expect(take(wrong)).rejects.toMatchObject({
      code: 'INGEST_SOURCE',
      details: { next: 0, found: 3 },
    });
    expect(await readLedgers(store)).toEqual([]);
  });

  it('hands on what was deleted unread, and goes on where the handler says', async () => {
    low = 3;
    expect(await take(await fetchedBatch(3, await plain(3, 5)))).toBeUndefined();
    expect(seeks).toEqual([3]);
    expect(await take(await fetchedBatch(3, await plain(3, 5)))).toBe('4');
    await partition.flush(true);
    const entries = await readLedgers(store);
    expect(entries.map(({ to, gap = false }) => [to, gap])).toEqual([
      ['3', true],
      ['5', false],
    ]);
  });
});
