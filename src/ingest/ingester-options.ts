import type { TaskSpec } from '../contracts/index.ts';
import type { Logger, Progress } from '../core/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { RecordDecoder } from './decode-record.ts';
import type { EventSource } from './event-source.ts';
import type { FaultPoint } from './partition-context.ts';

export interface IngesterOptions {
  readonly source: EventSource;
  readonly store: ObjectStore;
  readonly tasks: readonly Pick<TaskSpec, 'id'>[];
  readonly utcOffsetMinutes: number;
  /** What the records are; JSON events when it is left out. */
  readonly decoder?: RecordDecoder;
  readonly ingest: {
    readonly flushRows: number;
    readonly flushMs: number;
    readonly maxBadShare: number;
    /** Memory for rows not yet committed; above it the largest ranges are committed early. */
    readonly bufferBytes?: number;
    /** Time to finish in once the signal is aborted; beyond it the run ends as a kill would end it. */
    readonly shutdownMs?: number;
    readonly orphanGraceMs?: number | undefined;
    /** Records the source deleted before they were read: stop, or enter the gap in the ledger and go on. */
    readonly onGap?: 'stop' | 'record-gap';
  };
  /** So many partitions a topic has by now, more than before: they are recorded and taken from now on. */
  readonly acceptPartitions?: number | undefined;
  /**
   * Records what the data directory is filled by, before a first range is committed; several ingesters
   * may call it at once, and again. @throws VamoError when it is filled by something else
   */
  readonly keep?: () => Promise<void>;
  /** Milliseconds; only differences count. */
  readonly clock: () => number;
  readonly log: Logger;
  /** Offsets taken of those there are (bytes of a file log, records of Kafka). */
  readonly progress?: Progress;
  readonly faultPoint?: FaultPoint;
}
