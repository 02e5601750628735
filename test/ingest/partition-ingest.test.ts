import { describe, expect, it, vi } from 'vitest';
import { VamoError } from '../../src/core/index.ts';
import type { ReadRecord, SourceBatch } from '../../src/ingest/event-source.ts';
import { openPartition } from '../../src/ingest/partition-ingest.ts';
import { findOrphans, openLedger, readLedgers } from '../../src/store/index.ts';
import { partitionContext } from '../helpers/ingest-partition.ts';
import { outcomeEvent, recordOf } from '../helpers/ingest-records.ts';
import { memoryStore } from '../helpers/memory-store.ts';
import { troubledStore } from '../helpers/troubled-store.ts';

function readRecord(offset: number): ReadRecord {
  const { arrivalMs, value } = recordOf(outcomeEvent({ event_id: `e-${offset}` }));
  return { offset, arrivalMs, value: Buffer.from(value) };
}
const batchOf = (from: number, to: number): SourceBatch => {
  const records = Array.from({ length: to - from }, (_, i) => readRecord(from + i));
  return { partition: 0, from, to, records };
};

describe('one partition', () => {
  it('enters offsets passed over during a flush in the entry after it', async () => {
    const store = troubledStore(memoryStore());
    const partition = await openPartition(partitionContext(store), 0);
    await partition.batch(batchOf(0, 2));
    store.hold('ledger/');
    const flushing = partition.flush(true);
    await vi.waitFor(() => expect(store.waiting).toBe(1));
    partition.skipped(2, 5);
    store.release();
    await flushing;
    expect([partition.committed, partition.next]).toEqual([2, 5]);
    expect(await partition.batch(batchOf(5, 6))).toBe(6);
    await partition.flush(true);
    const entries = await readLedgers(store);
    expect(entries.map(({ from, to, records }) => [from, to, records])).toEqual([
      ['0', '2', 2],
      ['2', '6', 1],
    ]);
  });

  it('commits what is open after the usual time when its clock is set back', async () => {
    const store = memoryStore();
    let now = 3_600_000;
    const context = partitionContext(store, { flushRows: 10, flushMs: 100, clock: () => now });
    const partition = await openPartition(context, 0);
    await partition.batch(batchOf(0, 2));
    const flushedAt = async (ms: number): Promise<number> => {
      now = ms;
      await partition.flush(false);
      return partition.committed;
    };
    expect(await flushedAt(5)).toBe(0);
    expect(await flushedAt(104)).toBe(0);
    expect(await flushedAt(105)).toBe(2);
  });

  it('passes over offsets in a batch that have no record, and such at its end', async () => {
    const store = memoryStore();
    const partition = await openPartition(partitionContext(store), 0);
    const records = [3, 7].map(readRecord);
    expect(await partition.batch({ partition: 0, from: 0, to: 10, records })).toBe(10);
    partition.skipped(8, 9);
    expect(partition.next).toBe(10);
    partition.skipped(10, 11);
    await partition.flush(true);
    const [entry] = await readLedgers(store);
    expect([entry?.from, entry?.to, entry?.records]).toEqual(['0', '11', 2]);
  });

  it('commits nothing of a batch that was read to its middle', async () => {
    const store = memoryStore();
    const context = partitionContext(store);
    const failing = {
      decode: (record: ReadRecord) => {
        if (record.offset === 3) throw new Error('a fault of the decoder');
        return context.decoder.decode(record);
      },
    };
    const partition = await openPartition({ ...context, decoder: failing }, 0);
    await partition.batch(batchOf(0, 2));
    await expect(partition.batch(batchOf(2, 6))).rejects.toThrow('a fault of the decoder');
    await partition.flush(true);
    expect(await readLedgers(store)).toEqual([]);
    const again = await openPartition(context, 0);
    expect(again.next).toBe(0);
    await again.batch(batchOf(0, 6));
    await again.flush(true);
    expect((await readLedgers(store)).map(({ records }) => records)).toEqual([6]);
  });

  it('leaves what it could not write to the next reader, once the partition is his', async () => {
    const store = troubledStore(memoryStore());
    const context = partitionContext(store, { waitsForStore: false });
    const partition = await openPartition(context, 0);
    await partition.batch(batchOf(0, 2));
    store.hold('seg/');
    const flushing = partition.flush(true);
    await vi.waitFor(() => expect(store.waiting).toBe(1));
    partition.drop();
    store.fail(1);
    store.release();
    await flushing;
    expect(context.stats).toMatchObject({ commits: 0, lost: 0, reread: 2 });
    expect(await readLedgers(store)).toEqual([]);
  });

  it('goes on from another writer’s entry that it did not see, and does not take it for its own', async () => {
    const shared = memoryStore();
    const store = troubledStore(shared);
    const context = partitionContext(store);
    const partition = await openPartition(context, 0);
    await partition.batch(batchOf(0, 4));
    store.hold('ledger/');
    const flushing = partition.flush(true);
    await vi.waitFor(() => expect(store.waiting).toBe(1));
    const rival = await openPartition(partitionContext(shared), 0);
    await rival.batch(batchOf(0, 3));
    await rival.flush(true);
    store.release();
    await flushing;
    expect([partition.committed, partition.next]).toEqual([3, 3]);
    expect(context.stats).toMatchObject({ commits: 0, lost: 1, records: 0, reread: 4 });
    expect(await openLedger(store, 't', 0).tail()).toBe(3n);
    expect(await findOrphans(store)).toHaveLength(1);
  });

  it('begins again where the records do when nothing was committed', async () => {
    let now = 0;
    const faultPoint = (at: string): void => {
      if (at === 'filed' && now === 0) now = 60;
    };
    const store = memoryStore();
    const context = partitionContext(store, { orphanGraceMs: 100, clock: () => now, faultPoint });
    const partition = await openPartition(context, 0);
    partition.skipped(0, 5);
    await partition.batch(batchOf(5, 8));
    // Its files had become too old.
    await partition.flush(true);
    expect([partition.committed, partition.next]).toEqual([0, 5]);
    await partition.batch(batchOf(5, 8));
    await partition.flush(true);
    const entries = await readLedgers(store);
    expect(entries.map(({ from, to, records }) => [from, to, records])).toEqual([['0', '8', 3]]);
  });

  it('counts bad records over as many commits as it takes to tell, by whichever reader', async () => {
    const store = memoryStore();
    const open = () => openPartition(partitionContext(store, { maxBadShare: 0.2 }), 0);
    const bad = (from: number, to: number): SourceBatch => ({
      ...batchOf(from, to),
      records: batchOf(from, to).records.map((record) => ({ ...record, value: '{' })),
    });
    let partition = await open();
    for (let at = 0; at < 90; at += 30) {
      await partition.batch(bad(at, at + 30));
      await partition.flush(true);
    }
    for (const _ of ['this reader', 'the next one']) {
      await partition.batch(bad(90, 110));
      await expect(partition.flush(true)).rejects.toMatchObject({
        code: 'INGEST_TOO_MANY_BAD',
        details: { from: 90, bad: 110, records: 110 },
        message: expect.stringContaining('20 of them as the one at offset 90 (not JSON)') as string,
      });
      expect(await openLedger(store, 't', 0).tail()).toBe(90n);
      partition = await open();
    }
    // Good ones are not held up by what was bad before them.
    await partition.batch(batchOf(90, 92));
    await partition.flush(true);
    expect(await openLedger(store, 't', 0).tail()).toBe(92n);
  });

  it('does not wait for a store that fails for good', async () => {
    const store = memoryStore();
    const context = partitionContext(
      { ...store, put: () => Promise.reject(new VamoError('STORE_UNFIT', 'no')) },
      { waitsForStore: true },
    );
    const partition = await openPartition(context, 0);
    await partition.batch(batchOf(0, 2));
    await expect(partition.flush(true)).rejects.toMatchObject({ code: 'STORE_UNFIT' });
  });
});
