import { isVamoError } from '../core/index.ts';
import type { LedgerEntry } from '../contracts/index.ts';
import { openLedger } from '../store/index.ts';
import { BAD_WINDOW, refuseTooManyBad } from './bad-window.ts';
import type { SourceBatch } from './event-source.ts';
import type { PartitionContext } from './partition-context.ts';
import { createRangeBuffer, type RangeBuffer } from './range-buffer.ts';
import { createRangeWriter, pause } from './range-writer.ts';
import type { PartitionSnapshot } from './snapshot.ts';

/** One partition while it is this reader's. Calls run one after another. */
export interface PartitionIngest {
  /** The next offset to read. */
  readonly next: number;
  /** The next offset not in the ledger. */
  readonly committed: number;
  /** Memory of the rows not yet in the ledger. */
  readonly bytes: number;
  /** Takes a batch; answers where to go on. */
  batch(batch: SourceBatch): Promise<number>;
  skipped(from: number, to: number): void;
  /** Commits what is open, then an entry that says that [from, to) was lost. */
  gap(from: number, to: number): Promise<void>;
  /** Commits what is open, if it is old enough or `always`. */
  flush(always: boolean): Promise<void>;
  /** The partition is another's now: what is open is forgotten. */
  drop(): void;
  snapshot(): PartitionSnapshot;
}

/** @throws VamoError INGEST_LEDGER */
export async function openPartition(
  context: PartitionContext,
  partition: number,
): Promise<PartitionIngest> {
  const { topic, store, stats, clock, decoder } = context;
  const ledger = openLedger(store, topic, partition);
  const writer = createRangeWriter(context, partition, ledger);
  /** What is committed before the open range, the newest first. */
  let recent = await ledger.recent(BAD_WINDOW);
  /** Where records begin in a partition of which nothing is committed. */
  let begin = 0;
  const openRange = (): RangeBuffer =>
    createRangeBuffer({
      topic,
      partition,
      from: Number(recent[0]?.to ?? 0),
      maxArrivalMs: recent[0]?.maxArrivalMs ?? 0,
      utcOffsetMinutes: context.utcOffsetMinutes,
      builders: context.builders,
    });
  let range = openRange();
  let next = range.from;
  let openedMs = clock();
  let dropped = false;
  const isOurs = (): boolean => !dropped;
  const done = { records: 0, rows: 0, deadLetters: 0, commits: 0, commitMs: 0 };
  let lastCommitMs = openedMs;
  let waits = 0;
  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => undefined);
    return result;
  };

  /** The open range is committed or forgotten: the next one begins where the ledger ends. */
  function startRange(committed: readonly LedgerEntry[]): void {
    recent = committed;
    range.release();
    range = openRange();
    next = recent.length === 0 ? begin : range.from;
    openedMs = clock();
  }
  const startBehind = (entry: LedgerEntry): void =>
    startRange([entry, ...recent].slice(0, BAD_WINDOW));
  /** Another's entry stands where ours was to, or none does. */
  const startOver = async (): Promise<void> => startRange(await ledger.recent(BAD_WINDOW));

  async function commit(): Promise<void> {
    if (dropped || next === range.from) return;
    refuseTooManyBad(range, recent, { topic, partition, maxBadShare: context.maxBadShare });
    const { records, rows, filtered, bad } = range;
    const to = next;
    const beganMs = clock();
    const entry = await writer.write(range, to, isOurs);
    if (entry === undefined) {
      if (!isOurs()) return;
      stats.lost += 1;
      stats.reread += records;
      return startOver();
    }
    stats.commits += 1;
    stats.records += records;
    stats.deadLetters += bad;
    stats.rows += rows;
    stats.filtered += filtered;
    lastCommitMs = clock();
    done.commits += 1;
    done.commitMs += lastCommitMs - beganMs;
    done.records += records;
    done.deadLetters += bad;
    done.rows += rows;
    // Offsets without records may have been passed over meanwhile.
    const seen = next;
    startBehind(entry);
    next = seen;
    await context.faultPoint?.('committed', partition, 0);
  }

  /** False when what decoding needs cannot be had now: after a pause the batch is read again. */
  async function prepare({ records }: SourceBatch): Promise<boolean> {
    try {
      await decoder.prepare?.(records);
      waits = 0;
      return true;
    } catch (error) {
      if (!isVamoError(error) || !error.retriable) throw error;
      context.log.warn('ingest.wait', { topic, partition, reason: error.message });
      await pause(waits++, context.signal);
      return false;
    }
  }

  function isDue(): boolean {
    const nowMs = clock();
    // A clock that was set back would keep the range open for as long.
    openedMs = Math.min(openedMs, nowMs);
    return range.records >= context.flushRows || nowMs - openedMs >= context.flushMs;
  }

  await context.faultPoint?.('assigned', partition, 0);

  return {
    get next() {
      return next;
    },
    get committed() {
      return range.from;
    },
    get bytes() {
      return range.bytes;
    },
    async batch(batch) {
      if (!(await prepare(batch))) return next;
      return inTurn(async () => {
        if (dropped || batch.from !== next) {
          stats.seeks += 1;
          return next;
        }
        if (next === range.from) openedMs = clock();
        await context.faultPoint?.('accepted', partition, range.records);
        try {
          for (const record of batch.records) {
            const scanned = decoder.scan?.(record);
            if (scanned === undefined) range.add(record, decoder.decode(record));
            else range.addScanned(record, scanned);
          }
        } catch (error) {
          // Half of a batch is in the range: nobody may commit it.
          dropped = true;
          throw error;
        }
        next = batch.to;
        await context.faultPoint?.('buffered', partition, range.records);
        if (isDue()) await commit();
        return next;
      });
    },
    skipped(from, to) {
      if (from !== next) return;
      if (from === begin && range.from === 0 && range.records === 0) begin = to;
      next = to;
    },
    gap: (from, to) =>
      inTurn(async () => {
        await commit();
        if (dropped || next !== from) return;
        const entry = await writer.writeGap(range, to);
        if (entry === undefined) return startOver();
        stats.gaps += 1;
        startBehind(entry);
      }),
    flush: (always) =>
      inTurn(async () => {
        if (always || isDue()) await commit();
      }),
    drop() {
      dropped = true;
      stats.reread += range.records;
      void inTurn(() => Promise.resolve(range.release()));
    },
    snapshot: () => ({
      partition,
      next,
      committed: range.from,
      buffered: range.records,
      bufferedRows: range.rows,
      bufferedBytes: range.bytes,
      maxArrivalMs: range.maxArrivalMs,
      lastCommitMs,
      ...done,
    }),
  };
}
