import { once } from 'node:events';
import type { Consumer, EachBatchPayload } from 'kafkajs';
import { isVamoError, type Logger } from '../core/index.ts';
import type { EventSource, SourceHandler } from './event-source.ts';
import {
  createKafka,
  fetchWatermarks,
  type KafkaAddress,
  kafkaError,
  withAdmin,
} from './kafka-client.ts';
import { createGroupReader } from './kafka-group-reader.ts';
import { requireTopic } from './kafka-topic.ts';

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
/** How often the topic's ends are held against what was taken, and its partitions are counted. */
const CHECK_MS = 30_000;
const MIB = 1024 * 1024;
const CONCURRENCY = 8;

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
    identity() {
      return withAdmin(options, async (admin) => {
        await requireTopic(admin, options);
        const { clusterId: id } = await admin.describeCluster();
        const starts: number[] = [];
        for (const { partition, low } of await admin.fetchTopicOffsets(topic))
          starts[partition] = Number(low);
        const { length: partitions } = starts;
        return { schema: 'source/v1', kind: 'kafka', id, topic, partitions, starts };
      });
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
  const { groupId, sessionTimeoutMs, maxBytes, maxBytesPerPartition, checkMs } = options;
  return createKafka(options).consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: Math.min(HEARTBEAT_MS, Math.floor(sessionTimeoutMs / 3)),
    maxBytes: maxBytes ?? 8 * MIB,
    maxBytesPerPartition: maxBytesPerPartition ?? MIB,
    maxWaitTimeInMs: WAIT_MS,
    // A partition that is added is to be noticed before much of its days is sealed without it.
    metadataMaxAge: checkMs ?? CHECK_MS,
    readUncommitted: false,
  });
}

/** Joins the group and reads until the signal is aborted or something fails; then drains. */
async function readGroup(
  options: KafkaOptions,
  consumer: Consumer,
  handler: SourceHandler,
  signal: AbortSignal,
): Promise<void> {
  const { topic, log } = options;
  const reader = createGroupReader({
    topic,
    handler,
    seek: (partition, next) => consumer.seek({ topic, partition, offset: String(next) }),
    watermarks: () => fetchWatermarks(options),
  });
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

  // A broker that restarts fails many calls: it is told of once, and once when it is back, as loud.
  let isAway = false;
  const away = (reason: string): void => {
    if (!isAway) log.warn('kafka.reconnecting', { topic, brokers: options.brokers, reason });
    isAway = true;
  };
  const back = (): void => {
    if (isAway) log.warn('kafka.up', { topic, brokers: options.brokers });
    isAway = false;
  };

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    back();
    void track(reader.assign(payload.memberAssignment[topic] ?? []));
  });
  // Batches of only aborted or control records do not reach `eachBatch`: the client passes over them.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize === 0) reader.passOver(payload);
  });
  consumer.on(consumer.events.FETCH_START, () => reader.goBackIfLost());
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (payload.restart) away(payload.error.message);
    else fail(payload.error);
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
