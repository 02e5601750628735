import type { Logger } from '../core/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { BuilderPool } from './builder-pool.ts';
import type { RecordDecoder } from './decode-record.ts';

/**
 * Where a run can be stopped to see what a restart makes of it: every step of the commit protocol.
 * The partition's place in the ledger was read; a batch was accepted; its rows were added; the files
 * are about to be written; they stand, but not the entry; the entry stands; the source was told.
 */
export type FaultPoint = (
  at: 'assigned' | 'accepted' | 'buffered' | 'flushing' | 'filed' | 'committed' | 'hinted',
  partition: number,
  /** Records not yet in the ledger. */
  uncommitted: number,
) => void | Promise<void>;

export interface IngestStats {
  /** Of committed ranges: filtered, dead letters, and those that gave rows or only repeats of them. */
  records: number;
  filtered: number;
  rows: number;
  deadLetters: number;
  commits: number;
  /** Ranges another writer had committed first, or whose files had become too old to commit. */
  lost: number;
  /** Times the source stood elsewhere than the ledger. */
  seeks: number;
  /** Offset ranges that the source deleted unread. */
  gaps: number;
  /** Records read, dropped and to be read again. */
  reread: number;
}

export interface PartitionContext {
  readonly topic: string;
  readonly store: ObjectStore;
  readonly decoder: RecordDecoder;
  readonly utcOffsetMinutes: number;
  readonly flushRows: number;
  readonly flushMs: number;
  readonly maxBadShare: number;
  readonly builders: BuilderPool;
  /** Called before files are written: what holds from the first range on is recorded then. */
  readonly beforeCommit?: () => Promise<void>;
  /** Bounds how many flushes run at once. */
  readonly flushGate: <T>(work: () => Promise<T>) => Promise<T>;
  /** Whether a store that fails for a time is waited for. */
  readonly waitsForStore: boolean;
  /** Files that no entry names may be removed when they are so old, ms. */
  readonly orphanGraceMs?: number | undefined;
  readonly clock: () => number;
  readonly stats: IngestStats;
  readonly log: Logger;
  /** Ends waiting. */
  readonly signal: AbortSignal;
  readonly faultPoint?: FaultPoint | undefined;
}
