import type { SourceIdentity } from '../contracts/index.ts';

/**
 * A record as read. Offsets are whole numbers below 2^53: Kafka's, or byte positions of a log file.
 */
export interface ReadRecord {
  readonly offset: number;
  /** NaN when the record does not tell. */
  readonly arrivalMs: number;
  /** Bytes (Kafka; null = a tombstone), text, or a value already parsed (a member of a log's line). */
  readonly value: unknown;
  /** Where in larger bytes the value lies, if it does: cutting it out costs more than scanning it. */
  readonly within?: Buffer;
  readonly start?: number;
  readonly end?: number;
  /** What Kafka keeps beside the value; a dead letter holds it. */
  readonly key?: Uint8Array | string | null;
  readonly headers?: readonly RecordHeader[];
}

/** One of a record's headers, in their order; a name may come more than once. */
export interface RecordHeader {
  readonly name: string;
  readonly value: Uint8Array | string | null;
}

/** Consecutive records of one partition: all there are in [from, to). */
export interface SourceBatch {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly records: readonly ReadRecord[];
}

/** What the reader of a source does with it. No two `batch` calls for one partition overlap. */
export interface SourceHandler {
  /**
   * The partitions this reader now has, whole: others belong to other readers. Answers where to go
   * on in each; 'first' = nothing was ever taken, so at the earliest record there is.
   */
  assigned(partitions: readonly number[]): Promise<ReadonlyMap<number, number | 'first'>>;
  /** Takes a batch and answers where to go on; anything but `to` makes the source seek. */
  batch(batch: SourceBatch): Promise<number>;
  /**
   * Where reading must go on at the latest: below what was handed out when another writer's commit
   * came first. A source looks before it reads on, also without new records. Infinity = nowhere.
   */
  next(partition: number): number;
  /** [from, to) holds no record for readers: aborted, or deleted before anything was taken. */
  skipped(partition: number, from: number, to: number): void;
  /**
   * The source no longer has [from, to), of which nothing was taken. Answers where to go on.
   * @throws VamoError INGEST_OFFSET_LOST when that is not to be passed over
   */
  lost(partition: number, from: number, to: number): Promise<number>;
  /** The last batch has been handed out, the partitions are still this reader's: finish what is open. */
  drain(): Promise<void>;
}

/**
 * Where events come from: Kafka or a log directory. Offsets a source may keep itself are only hints;
 * the ledger decides where reading goes on.
 */
export interface EventSource {
  readonly topic: string;
  /** @throws VamoError INGEST_SOURCE */
  identity(): Promise<SourceIdentity>;
  /** The end of each partition now, by partition. @throws VamoError INGEST_SOURCE */
  ends(): Promise<readonly number[]>;
  /**
   * Reads until the signal is aborted, then drains and returns.
   * @throws VamoError INGEST_SOURCE, INGEST_OFFSET_LOST, and what the handler throws (without draining)
   */
  run(handler: SourceHandler, signal: AbortSignal): Promise<void>;
  /** Tells the source what is committed, for its lag displays. Never trusted; may do nothing. */
  hint(partition: number, next: number): void;
}
