import { storeError } from '../store/index.ts';
import { createDeadline } from './deadline.ts';
import { createHandler } from './ingest-handler.ts';
import { createWatch } from './ingest-watch.ts';
import type { IngesterOptions } from './ingester-options.ts';
import type { IngestStats } from './partition-context.ts';
import type { PartitionIngest } from './partition-ingest.ts';
import type { PartitionSnapshot } from './snapshot.ts';
import { checkSource } from './source-identity.ts';

export interface Ingester {
  /**
   * Takes events into segments until the source's end as it was at the start ('end': all
   * partitions are committed up to there, by whichever ingester), or until the signal is aborted.
   * Aborted, it commits what it has read and returns. Several ingesters may share a Kafka group.
   * @throws VamoError INGEST_SOURCE, INGEST_SOURCE_CHANGED, INGEST_OFFSET_LOST, INGEST_TOO_MANY_BAD,
   *   INGEST_LEDGER, STORE_FULL. Nothing uncommitted is visible then; running again goes on.
   */
  run(options?: {
    readonly signal?: AbortSignal | undefined;
    readonly until?: 'end' | 'forever';
  }): Promise<IngestStats>;
  /** How the present run stands; empty before the first one. Cheap: plain numbers, no IO. */
  snapshot(): IngestSnapshot;
}

/** How a run of the ingester stands. */
export interface IngestSnapshot {
  readonly topic: string;
  /** Undefined before the first run. */
  readonly stats?: IngestStats;
  readonly partitions: readonly PartitionSnapshot[];
}

const SHUTDOWN_MS = 30_000;

/** Turns a source into committed segments; any number may work on one source and store at once. */
export function createIngester(options: IngesterOptions): Ingester {
  const { source, store, log } = options;
  let snapshot: Ingester['snapshot'] = () => ({ topic: source.topic, partitions: [] });

  async function run(runOptions: Parameters<Ingester['run']>[0] = {}): Promise<IngestStats> {
    const { signal, until = 'end' } = runOptions;
    const stats: IngestStats = {
      records: 0,
      filtered: 0,
      rows: 0,
      deadLetters: 0,
      commits: 0,
      lost: 0,
      seeks: 0,
      gaps: 0,
      reread: 0,
    };
    const recorded = await checkSource(store, await source.identity(), options.acceptPartitions);
    const ends = until === 'end' ? await source.ends() : undefined;
    const partitions = new Map<number, PartitionIngest>();
    snapshot = () => ({
      topic: source.topic,
      stats: { ...stats },
      partitions: [...partitions.values()].map((partition) => partition.snapshot()),
    });
    const stop = new AbortController();
    const handler = createHandler(options, stats, partitions, recorded, ends, stop.signal);
    const deadline = createDeadline(stop.signal, options.ingest.shutdownMs ?? SHUTDOWN_MS);
    let failure: unknown;
    const watch = createWatch(options, partitions, ends, (error) => {
      failure ??= error;
      stop.abort();
    });
    const onAbort = (): void => stop.abort();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) stop.abort();
    try {
      await Promise.race([source.run(handler, stop.signal), deadline.passed]);
    } finally {
      await Promise.race([watch.end(), deadline.passed.catch(() => undefined)]);
      deadline.end();
      signal?.removeEventListener('abort', onAbort);
    }
    if (failure !== undefined) throw storeError(failure, 'cannot commit');
    log.info('ingest.end', { topic: source.topic, ...stats });
    return stats;
  }

  return { run, snapshot: () => snapshot() };
}
