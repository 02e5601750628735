/** One partition that is this reader's, and what it did there since it was assigned. */
export interface PartitionSnapshot {
  readonly partition: number;
  /** The next offset to read. */
  readonly next: number;
  /** The next offset not in the ledger. */
  readonly committed: number;
  /** Records read and not yet committed. */
  readonly buffered: number;
  /** Rows that they gave so far. */
  readonly bufferedRows: number;
  /** Memory that they take. */
  readonly bufferedBytes: number;
  /** Newest arrival time read, ms since the epoch; 0 = none yet. */
  readonly maxArrivalMs: number;
  /** By the ingester's clock; the assignment's time before the first commit. */
  readonly lastCommitMs: number;
  readonly commits: number;
  /** Time spent on commits, all together. */
  readonly commitMs: number;
  readonly records: number;
  readonly rows: number;
  readonly deadLetters: number;
}
