import type { SourceIdentity } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import { createBuilderPool } from './builder-pool.ts';
import { createJsonDecoder } from './decode-json.ts';
import type { SourceHandler } from './event-source.ts';
import { createGate } from './gate.ts';
import type { IngesterOptions } from './ingester-options.ts';
import type { IngestStats, PartitionContext } from './partition-context.ts';
import { openPartition, type PartitionIngest } from './partition-ingest.ts';
import { checkSource, keepSource } from './source-identity.ts';

const FLUSHES = 2;
const BUFFER_BYTES = 16 * 1024 * 1024;
const MEND_LOST =
  'Restore the records; or set `ingest.onGap` to "record-gap": the ledger then keeps the gap and reading goes on behind it.';

function offsetLost(topic: string, partition: number, next: number, found: number): VamoError {
  return new VamoError(
    'INGEST_OFFSET_LOST',
    `${topic}/${partition}: offset ${next} is next, the broker's first is ${found}: ${found - next} offsets were deleted unread`,
    { details: { topic, partition, next, found }, mend: MEND_LOST },
  );
}

/** What this reader does with assignments and batches. */
export function createHandler(
  options: IngesterOptions,
  stats: IngestStats,
  partitions: Map<number, PartitionIngest>,
  recorded: SourceIdentity,
  ends: readonly number[] | undefined,
  signal: AbortSignal,
): SourceHandler {
  const { source, store, log, faultPoint } = options;
  const builders = createBuilderPool();
  let isKept = false;
  /** A run that commits nothing leaves the directory free for another source, mapping or rules. */
  async function beforeCommit(): Promise<void> {
    if (isKept) return;
    // In one order for all: who is refused has left nothing behind that the first one did not.
    await keepSource(store, recorded);
    await options.keep?.();
    isKept = true;
  }
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
    beforeCommit,
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

  let known = recorded;
  /**
   * Of a partition that is not recorded nothing may be taken: no seal would read it. Another ingester may
   * have had it accepted meanwhile.
   */
  async function requireRecorded(mine: readonly number[]): Promise<void> {
    const count = Math.max(0, ...mine.map((p) => p + 1));
    if (count <= known.partitions) return;
    const found = await source.identity();
    known = await checkSource(store, {
      ...found,
      partitions: Math.max(count, found.partitions),
    });
  }

  /** Where a partition is to be read from, as far as the ledger and the source's record know. */
  function startOf(p: number, partition: PartitionIngest): number | 'first' {
    if (partition.next > 0) return partition.next;
    const start = known.starts?.[p] ?? 'first';
    if (start !== 'first') partition.skipped(0, start);
    return start;
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
      await requireRecorded(mine);
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
        starts.set(p, startOf(p, partition));
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
    next: (p) => partitions.get(p)?.next ?? Infinity,
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
