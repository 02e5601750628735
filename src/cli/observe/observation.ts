import type { EventSource, Ingester, IngestSnapshot } from '../../ingest/index.ts';

/** How an ingester and its source stand at one moment. */
export interface Observation {
  /** Wall clock, ms since the epoch. */
  readonly atMs: number;
  /** The ingester's clock, ms. */
  readonly clockMs: number;
  readonly snapshot: IngestSnapshot;
  /** The end of each partition (Kafka: its high watermark); undefined when the source did not tell. */
  readonly ends: readonly number[] | undefined;
  /**
   * By partition: for how long it has had something to commit and committed nothing, ms. 0 = all is
   * committed, or the source did not tell.
   */
  readonly waitingMs: ReadonlyMap<number, number>;
}

/** Offsets between a partition's end and what is committed of it; undefined when the end is not known. */
export function lagOf(
  { ends }: Pick<Observation, 'ends'>,
  { partition, committed }: { readonly partition: number; readonly committed: number },
): number | undefined {
  const end = ends?.[partition];
  return end === undefined ? undefined : Math.max(0, end - committed);
}

/**
 * Looks at an ingester from outside its hot path. The source is asked for its ends at most once in
 * `everyMs`, however often somebody looks.
 */
export function createObserver(options: {
  readonly ingester: Pick<Ingester, 'snapshot'>;
  readonly source: Pick<EventSource, 'ends'>;
  readonly clock: () => number;
  readonly now: () => number;
  readonly everyMs: number;
}): () => Promise<Observation> {
  const { ingester, source, clock, now, everyMs } = options;
  let asked = -Infinity;
  let ends: Promise<readonly number[] | undefined> = Promise.resolve(undefined);
  /** When a partition was last seen with everything committed. */
  const calm = new Map<number, number>();
  return async () => {
    if (clock() - asked >= everyMs) {
      asked = clock();
      // A source that does not answer is what an observer has to show, not what ends it.
      ends = source.ends().catch(() => undefined);
    }
    const found = await ends;
    const snapshot = ingester.snapshot();
    const clockMs = clock();
    const waitingMs = new Map<number, number>();
    for (const partition of snapshot.partitions) {
      const { partition: p, lastCommitMs } = partition;
      if (!lagOf({ ends: found }, partition)) calm.set(p, clockMs);
      waitingMs.set(p, clockMs - Math.max(lastCommitMs, calm.get(p) ?? lastCommitMs));
    }
    return { atMs: now(), clockMs, snapshot, ends: found, waitingMs };
  };
}
