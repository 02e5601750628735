import type { Message } from 'kafkajs';
import { type EventSink, partitionOf } from './event-sink.ts';
import { createKafka, fetchWatermarks, type KafkaAddress, kafkaError } from './kafka-client.ts';

/** Brokers refuse a batch above 1 MiB by default; kafkajs makes one batch of one send. */
const BATCH_BYTES = 900_000;
/** About what a record costs beside key and value. */
const RECORD_BYTES = 40;

/**
 * Writes to a topic that exists: `arrival_ms` as the record's time, the key's partition, order kept.
 * @throws VamoError INGEST_SOURCE
 */
export async function createKafkaSink(address: KafkaAddress): Promise<EventSink> {
  const partitions = (await fetchWatermarks(address)).length;
  // Idempotent: a send repeated after a lost answer is not stored twice.
  const producer = createKafka(address).producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect().catch((error: unknown) => {
    throw kafkaError(error, address);
  });
  const { topic } = address;

  return {
    async write(records) {
      const open = Array.from({ length: partitions }, () => ({
        messages: [] as Message[],
        bytes: 0,
      }));
      const send = async (messages: Message[]): Promise<void> => {
        if (messages.length === 0) return;
        await producer.send({ topic, messages, acks: -1 }).catch((error: unknown) => {
          throw kafkaError(error, address);
        });
      };
      for (const { key, arrivalMs, value } of records) {
        const partition = partitionOf(key, partitions);
        const bytes = RECORD_BYTES + Buffer.byteLength(key) + Buffer.byteLength(value);
        let batch = open[partition] ?? { messages: [], bytes: 0 };
        if (batch.bytes + bytes > BATCH_BYTES) {
          await send(batch.messages);
          batch = open[partition] = { messages: [], bytes: 0 };
        }
        batch.messages.push({ key, value, partition, timestamp: String(arrivalMs) });
        batch.bytes += bytes;
      }
      for (const { messages } of open) await send(messages);
    },
    close: () => producer.disconnect(),
  };
}
