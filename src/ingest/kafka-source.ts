import { once } from 'node:events';
import type { Batch, Consumer, EachBatchPayload } from 'kafkajs';
import { isVamoError, type Logger, VamoError } from '../core/index.ts';
import type { EventSource, SourceHandler } from './event-source.ts';
import { type PlacedRecord, readRecord } from './kafka-records.ts';
import {
  createKafka,
  fetchWatermarks,
  type KafkaAddress,
  kafkaError,
  type Watermarks,
  withAdmin,
} from './kafka-client.ts';

export interface KafkaOptions extends KafkaAddress {
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  /** Largest answer of a broker to a fetch, and of one partition in it; bytes as they are sent. */
  readonly maxBytes?: number;
  readonly maxBytesPerPartition?: number;
  readonly checkMs?: number;
  readonly log: Logger;
}

const HEARTBEAT_MS = 3000;
const WAIT_MS = 250;
/** How often the topic's ends are held against what was taken. */
const CHECK_MS = 30_000;
const MIB = 1024 * 1024;
const CONCURRENCY = 8;
/** Seeks to one offset without progress, after which it is not to be had. */
const PATIENCE = 3;

/**
 * Reads a topic as a member of a consumer group, committed transactions only. The group shares out
 * the partitions; where reading goes on is the handler's word, and every batch must begin where the
 * one before ended: the client would otherwise pass over deleted records in silence.
 */
export function createKafkaSource(options: KafkaOptions): EventSource {
  const { topic } = options;
  const session: { consumer?: Consumer; hints: Set<Promise<void>> } = { hints: new Set() };

  return {
    topic,
    async identity() {
      const { id, partitions } = await withAdmin(options, async (admin) => ({
        id: (await admin.describeCluster()).clusterId,
        partitions: (await admin.fetchTopicOffsets(topic)).length,
      }));
      return { schema: 'source/v1', kind: 'kafka', id, topic, partitions };
    },
    async ends() {
      return (await fetchWatermarks(options)).map(({ high }) => high);
    },
    async run(handler, signal) {
      const consumer = createConsumer(options);
      session.consumer = consumer;
      try {
        await readGroup(options, consumer, handler, signal);
        await Promise.all(session.hints);
      } finally {
        delete session.consumer;
        await consumer.disconnect();
      }
    },
    hint(partition, next) {
      const { consumer, hints } = session;
      if (consumer === undefined) return;
      const sent: Promise<void> = consumer
        .commitOffsets([{ topic, partition, offset: String(next) }])
        .catch((error: unknown) =>
          options.log.debug('kafka.hint', { partition, reason: String(error) }),
        )
        .finally(() => hints.delete(sent));
      hints.add(sent);
    },
  };
}

function createConsumer(options: KafkaOptions): Consumer {
  const { groupId, sessionTimeoutMs, maxBytes, maxBytesPerPartition } = options;
  return createKafka(options).consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: Math.min(HEARTBEAT_MS, Math.floor(sessionTimeoutMs / 3)),
    maxBytes: maxBytes ?? 8 * MIB,
    maxBytesPerPartition: maxBytesPerPartition ?? MIB,
    maxWaitTimeInMs: WAIT_MS,
    readUncommitted: false,
  });
}

/** Where a partition stands: batches must go on at `next`. */
interface Position {
  readonly next: number;
  /** Seeks there since the last progress. */
  readonly seeks: number;
}

/** Keeps the client where the handler wants it, and hands on batches that join without a gap. */
interface GroupReader {
  /** The group gave us these partitions (again). */
  assign(partitions: readonly number[]): Promise<void>;
  take(payload: EachBatchPayload): Promise<void>;
  /** The client passed over [first, last], in which no record is for readers. */
  passOver(partition: number, first: number, last: number): void;
  /** A topic made anew is empty, and an empty one gives no batch to notice it by. */
  checkEnds(): Promise<void>;
}

function createGroupReader(
  options: KafkaOptions,
  consumer: Consumer,
  handler: SourceHandler,
): GroupReader {
  const { topic } = options;
  const positions = new Map<number, Position>();
  let placed: Promise<void> = Promise.resolve();

  const seek = (partition: number, next: number, seeks: number): void => {
    positions.set(partition, { next, seeks });
    consumer.seek({ topic, partition, offset: String(next) });
  };

  async function place(mine: readonly number[]): Promise<void> {
    const starts = await handler.assigned(mine);
    const watermarks = await fetchWatermarks(options);
    for (const partition of mine) {
      const start = starts.get(partition) ?? 'first';
      const marks = watermarks[partition] ?? { low: 0, high: 0 };
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
    const marks = (await fetchWatermarks(options))[partition] ?? { low: 0, high: 0 };
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
    async checkEnds() {
      const standing = [...positions];
      const watermarks = await fetchWatermarks(options);
      for (const [partition, { next }] of standing)
        checkEnd(topic, partition, next, watermarks[partition] ?? { low: 0, high: 0 });
    },
    passOver(partition, first, last) {
      const position = positions.get(partition);
      if (position === undefined || first > position.next || last < position.next) return;
      handler.skipped(partition, position.next, last + 1);
      positions.set(partition, { next: last + 1, seeks: 0 });
    },
  };
}

/** Joins the group and reads until the signal is aborted or something fails; then drains. */
async function readGroup(
  options: KafkaOptions,
  consumer: Consumer,
  handler: SourceHandler,
  signal: AbortSignal,
): Promise<void> {
  const { topic, log } = options;
  const reader = createGroupReader(options, consumer, handler);
  const busy = new Set<Promise<void>>();
  const ending = new AbortController();
  const ended = once(ending.signal, 'abort');
  const end = (): void => ending.abort();
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    end();
  };
  const track = (work: Promise<void>): Promise<void> => {
    const tracked: Promise<void> = work.catch(fail).finally(() => busy.delete(tracked));
    busy.add(tracked);
    return tracked;
  };

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    void track(reader.assign(payload.memberAssignment[topic] ?? []));
  });
  // Batches of only aborted or control records do not reach `eachBatch`: the client passes over them.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize > 0) return;
    const last = Number(payload.lastOffset);
    // Without a first one nothing is known of the offsets before the last: they were not asked for.
    const first = payload.firstOffset as string | null;
    reader.passOver(payload.partition, first === null ? last : Number(first), last);
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    log.warn('kafka.crash', { reason: payload.error.message, restart: payload.restart });
    if (!payload.restart) fail(payload.error);
  });

  let checking = false;
  const checks = setInterval(() => {
    if (checking) return;
    checking = true;
    const check = reader.checkEnds().catch((error: unknown) => {
      // A broker that does not answer now is the client's to wait for.
      if (!isVamoError(error, 'INGEST_SOURCE')) throw error;
    });
    void track(check.finally(() => (checking = false)));
  }, options.checkMs ?? CHECK_MS);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: CONCURRENCY,
      eachBatch: async (payload) => {
        if (!ending.signal.aborted) await track(withHeartbeat(payload, () => reader.take(payload)));
      },
    });
    await ended;
  } catch (error) {
    fail(error);
  } finally {
    signal.removeEventListener('abort', end);
    clearInterval(checks);
    end();
    while (busy.size > 0) await Promise.all(busy);
  }
  if (failure !== undefined) throw kafkaError(failure, options);
  await handler.drain();
}

/** The client beats only between batches: a long flush would cost the membership. */
async function withHeartbeat(payload: EachBatchPayload, work: () => Promise<void>): Promise<void> {
  const timer = setInterval(() => {
    // A failed beat means a rebalance, which the client learns by itself after the batch.
    payload.heartbeat().catch(() => undefined);
  }, HEARTBEAT_MS / 3);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
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
