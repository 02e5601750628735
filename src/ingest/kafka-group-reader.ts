import type { Batch, EachBatchPayload } from 'kafkajs';
import { VamoError } from '../core/index.ts';
import type { SourceHandler } from './event-source.ts';
import type { Watermarks } from './kafka-client.ts';
import { type PlacedRecord, readRecord } from './kafka-records.ts';

/** Seeks to one offset without progress, after which it is not to be had. */
const PATIENCE = 3;
const EMPTY: Watermarks = { low: 0, high: 0 };

/** What a group reader works between: the ingester's handler, and the client with its broker. */
export interface GroupReaderOptions {
  readonly topic: string;
  readonly handler: SourceHandler;
  /** The client's next fetch of the partition begins there. */
  seek(partition: number, next: number): void;
  /** Of every partition, now. */
  watermarks(): Promise<readonly Watermarks[]>;
}

/** Keeps the client where the handler wants it, and hands on batches that join without a gap. */
export interface GroupReader {
  /** The group gave us these partitions (again). */
  assign(partitions: readonly number[]): Promise<void>;
  take(payload: Pick<EachBatchPayload, 'batch' | 'isStale' | 'resolveOffset'>): Promise<void>;
  /**
   * The client passed over a batch in which no record is for readers: aborted ones, control records, or
   * none at all since the log was compacted.
   */
  passOver(batch: {
    readonly partition: number;
    /** The one that was asked for; null = not known. */
    readonly firstOffset: string | null;
    readonly lastOffset: string;
  }): void;
  /**
   * Seeks back where the handler needs records again that it was given: another's commit came first.
   * Asked before each fetch, since a quiet partition has no batch to learn it by.
   */
  goBackIfLost(): void;
  /** A topic made anew is empty, and an empty one gives no batch to notice it by. */
  checkEnds(): Promise<void>;
}

/** Where a partition stands: batches must go on at `next`. */
interface Position {
  readonly next: number;
  /** Seeks there since the last progress. */
  readonly seeks: number;
}

/**
 * The part of a group's member that knows offsets: where each of its partitions stands, whatever the
 * client hands out. Its promises fail with INGEST_SOURCE, INGEST_SOURCE_CHANGED and what the handler throws.
 */
export function createGroupReader(options: GroupReaderOptions): GroupReader {
  const { topic, handler } = options;
  const positions = new Map<number, Position>();
  let placed: Promise<void> = Promise.resolve();

  const seek = (partition: number, next: number, seeks: number): void => {
    positions.set(partition, { next, seeks });
    options.seek(partition, next);
  };

  async function place(mine: readonly number[]): Promise<void> {
    const starts = await handler.assigned(mine);
    const watermarks = await options.watermarks();
    for (const partition of mine) {
      const start = starts.get(partition) ?? 'first';
      const marks = watermarks[partition] ?? EMPTY;
      if (start === 'first') handler.skipped(partition, 0, marks.low);
      const next = start === 'first' ? marks.low : start;
      seek(partition, await findStart(partition, next, marks), 0);
    }
  }

  /** Where to go on at an offset: there, or where the handler says when the broker deleted on. */
  async function findStart(partition: number, next: number, marks: Watermarks): Promise<number> {
    checkEnd(topic, partition, next, marks);
    return marks.low > next ? handler.lost(partition, next, marks.low) : next;
  }

  /** A batch that does not begin where it must: records were deleted, or the client stood elsewhere. */
  async function goBack(partition: number, position: Position, found: number): Promise<void> {
    const marks = (await options.watermarks())[partition] ?? EMPTY;
    const next = await findStart(partition, position.next, marks);
    if (positions.get(partition) !== position) return;
    if (next === position.next && position.seeks >= PATIENCE)
      throw notToBeHad(topic, partition, next, found);
    seek(partition, next, next === position.next ? position.seeks + 1 : 0);
  }

  return {
    assign(mine) {
      positions.clear();
      placed = placed.then(() => place(mine));
      return placed;
    },
    async take(payload) {
      await placed;
      const { batch } = payload;
      const { partition } = batch;
      const position = positions.get(partition);
      if (position === undefined || payload.isStale()) return;
      const from = fetchedOffset(batch);
      if (from !== position.next) return goBack(partition, position, from);
      const last = batch.lastOffset();
      const to = Number(last) + 1;
      const records = batch.messages.map((message) =>
        readRecord(message as unknown as PlacedRecord),
      );
      const next = await handler.batch({ partition, from, to, records });
      // The group may have moved on meanwhile: the new assignment has positions of its own.
      if (positions.get(partition) !== position) return;
      if (next !== to) return seek(partition, next, 0);
      positions.set(partition, { next, seeks: 0 });
      payload.resolveOffset(last);
    },
    passOver({ partition, firstOffset, lastOffset }) {
      const last = Number(lastOffset);
      // Without a first one nothing is known of the offsets before the last: they were not asked for.
      const first = firstOffset === null ? last : Number(firstOffset);
      const position = positions.get(partition);
      if (position === undefined || first > position.next || last < position.next) return;
      handler.skipped(partition, position.next, last + 1);
      positions.set(partition, { next: last + 1, seeks: 0 });
    },
    goBackIfLost() {
      for (const [partition, { next }] of [...positions]) {
        const needed = handler.next(partition);
        if (needed < next) seek(partition, needed, 0);
      }
    },
    async checkEnds() {
      const standing = [...positions];
      const watermarks = await options.watermarks();
      for (const [partition, { next }] of standing)
        checkEnd(topic, partition, next, watermarks[partition] ?? EMPTY);
    },
  };
}

/** The offset that was asked for: there at run time, not in the client's types. */
function fetchedOffset(batch: Batch): number {
  const { fetchedOffset: offset } = batch as Batch & { readonly fetchedOffset?: string };
  if (offset === undefined)
    throw new VamoError('INGEST_SOURCE', 'kafkajs no longer tells the fetched offset of a batch');
  return Number(offset);
}

/** Seeks did not help, though the broker says that it has the record. */
function notToBeHad(topic: string, partition: number, next: number, found: number): VamoError {
  return new VamoError(
    'INGEST_SOURCE',
    `${topic}/${partition}: offset ${next} is next, the broker gives ${found} again and again`,
    { details: { topic, partition, next, found } },
  );
}

/** Refuses a topic that ends before what was taken from it: it is another one of the same name. */
function checkEnd(topic: string, partition: number, next: number, { high }: Watermarks): void {
  if (high >= next) return;
  throw new VamoError(
    'INGEST_SOURCE_CHANGED',
    `${topic}/${partition} ends at ${high}, but records up to ${next} were taken: the topic was deleted and made again, or restored from an older copy`,
    { details: { topic, partition, next, found: high } },
  );
}
