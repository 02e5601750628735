import { sourceIdentity, type SourceIdentity, type TaskSpec } from '../contracts/index.ts';
import { type Logger, type Progress, VamoError } from '../core/index.ts';
import { type ObjectStore, openLedger, storeError } from '../store/index.ts';
import { createBuilderPool } from './builder-pool.ts';
import { createGate } from './gate.ts';
import { createDeadline } from './deadline.ts';
import { createJsonDecoder } from './decode-json.ts';
import type { RecordDecoder } from './decode-record.ts';
import type { EventSource, SourceHandler } from './event-source.ts';
import {
  type FaultPoint,
  type IngestStats,
  openPartition,
  type PartitionContext,
  type PartitionIngest,
} from './partition-ingest.ts';
import type { PartitionSnapshot } from './snapshot.ts';

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
  /** Milliseconds; only differences count. */
  readonly clock: () => number;
  readonly log: Logger;
  /** Offsets taken of those there are (bytes of a file log, records of Kafka). */
  readonly progress?: Progress;
  readonly faultPoint?: FaultPoint;
}

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

const TICK_MS = 100;
const FLUSHES = 2;
const BUFFER_BYTES = 16 * 1024 * 1024;
const SHUTDOWN_MS = 30_000;

function readIdentity(text: string, key: string): SourceIdentity {
  try {
    return sourceIdentity.parse(JSON.parse(text));
  } catch (error) {
    throw new VamoError('STORE_CORRUPT', `${key} does not name a source`, { cause: error });
  }
}

/** The source a data directory belongs to is fixed by the first ingester. */
async function checkSource(store: ObjectStore, found: SourceIdentity): Promise<void> {
  const key = 'source.json';
  const bytes = Buffer.from(`${JSON.stringify(found)}\n`);
  if (!(await store.has(key)) && (await store.putIfAbsent(key, bytes))) return;
  const known = readIdentity(Buffer.from(await store.get(key)).toString(), key);
  for (const field of ['kind', 'id', 'topic', 'partitions'] as const)
    if (known[field] !== found[field])
      throw new VamoError(
        'INGEST_SOURCE_CHANGED',
        `${field}: the source has ${found[field]}, this data directory was filled from ${known[field]}`,
        { details: { field, found: found[field], recorded: known[field] } },
      );
}

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
    await checkSource(store, await source.identity());
    const ends = until === 'end' ? await source.ends() : undefined;
    const partitions = new Map<number, PartitionIngest>();
    snapshot = () => ({
      topic: source.topic,
      stats: { ...stats },
      partitions: [...partitions.values()].map((partition) => partition.snapshot()),
    });
    const stop = new AbortController();
    const handler = createHandler(options, stats, partitions, ends, stop.signal);
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

function offsetLost(topic: string, partition: number, next: number, found: number): VamoError {
  return new VamoError(
    'INGEST_OFFSET_LOST',
    `${topic}/${partition}: offset ${next} is next, the broker's first is ${found}: ${found - next} offsets were deleted unread`,
    { details: { topic, partition, next, found } },
  );
}

/** What this reader does with assignments and batches. */
function createHandler(
  options: IngesterOptions,
  stats: IngestStats,
  partitions: Map<number, PartitionIngest>,
  ends: readonly number[] | undefined,
  signal: AbortSignal,
): SourceHandler {
  const { source, store, log, faultPoint } = options;
  const builders = createBuilderPool();
  const mostBytes = options.ingest.bufferBytes ?? BUFFER_BYTES;
  const context: PartitionContext = {
    topic: source.topic,
    store,
    decoder:
      options.decoder ??
      createJsonDecoder({
        tasks: new Set(options.tasks.map((task) => task.id)),
        utcOffsetMinutes: options.utcOffsetMinutes,
      }),
    utcOffsetMinutes: options.utcOffsetMinutes,
    ...options.ingest,
    builders,
    flushGate: createGate(FLUSHES),
    // Whoever asked for the end is there to mend the store; a service waits until someone has.
    waitsForStore: ends === undefined,
    clock: options.clock,
    stats,
    log,
    signal,
    faultPoint: options.faultPoint,
  };
  async function tell(p: number, partition: PartitionIngest): Promise<void> {
    source.hint(p, partition.committed);
    await faultPoint?.('hinted', p, 0);
  }

  /** Commits the largest ranges until the rest fits. Reading waits meanwhile: that is the backpressure. */
  async function makeRoom(): Promise<void> {
    while (builders.openBytes > mostBytes) {
      const [largest] = [...partitions].sort(([, a], [, b]) => b.bytes - a.bytes);
      if (largest === undefined || largest[1].bytes === 0) return;
      const [p, partition] = largest;
      await partition.flush(true);
      await tell(p, partition);
    }
  }

  return {
    async assigned(mine) {
      for (const [p, partition] of partitions)
        if (!mine.includes(p)) {
          partition.drop();
          partitions.delete(p);
        }
      const starts = new Map<number, number | 'first'>();
      for (const p of mine) {
        // What we had before and still have goes on with its open rows.
        const partition = partitions.get(p) ?? (await openPartition(context, p));
        partitions.set(p, partition);
        starts.set(p, partition.next === 0 ? 'first' : partition.next);
      }
      log.info('ingest.assigned', { topic: source.topic, partitions: mine });
      return starts;
    },
    async batch(batch) {
      const partition = partitions.get(batch.partition);
      if (partition === undefined) return batch.from;
      const before = partition.committed;
      await partition.batch(batch);
      // At the end there is nothing to wait for.
      if (partition.next >= (ends?.[batch.partition] ?? Infinity)) await partition.flush(true);
      if (partition.committed > before) await tell(batch.partition, partition);
      await makeRoom();
      return partition.next;
    },
    async lost(p, from, to) {
      if (options.ingest.onGap !== 'record-gap') throw offsetLost(source.topic, p, from, to);
      log.error('ingest.gap', { topic: source.topic, partition: p, from, to });
      await partitions.get(p)?.gap(from, to);
      return partitions.get(p)?.next ?? to;
    },
    skipped: (partition, from, to) => partitions.get(partition)?.skipped(from, to),
    async drain() {
      for (const [p, partition] of partitions) {
        await partition.flush(true);
        await tell(p, partition);
      }
    },
  };
}

/** Flushes by age, reports progress, and says when the end is reached or a flush failed. */
function createWatch(
  options: IngesterOptions,
  partitions: ReadonlyMap<number, PartitionIngest>,
  ends: readonly number[] | undefined,
  stop: (error?: unknown) => void,
): { end(): Promise<void> } {
  const { source, store, progress } = options;
  const committed = async (p: number): Promise<number> =>
    partitions.get(p)?.committed ?? Number(await openLedger(store, source.topic, p).tail());

  async function tick(): Promise<void> {
    for (const [p, partition] of partitions)
      await partition.flush(partition.next >= (ends?.[p] ?? Infinity));
    if (ends === undefined) return;
    const done = await Promise.all(ends.map((_, p) => committed(p)));
    const total = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);
    progress?.(total(done.map((d, p) => Math.min(d, ends[p] ?? 0))), total(ends));
    if (ends.every((end, p) => (done[p] ?? 0) >= end)) stop();
  }

  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= tick()
      .catch((error: unknown) => stop(error))
      .finally(() => (running = undefined));
  }, TICK_MS);
  return {
    async end() {
      clearInterval(timer);
      await running;
    },
  };
}
