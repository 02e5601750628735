import { createRequire } from 'node:module';
import type { Batch } from 'kafkajs';
import { loadKafkajs } from '../../src/ingest/kafka-lean.ts';
import { decodeRecordBatches } from '../../src/ingest/kafka-records.ts';
import { outcomeEvent, recordOf } from './ingest-records.ts';

interface Encoded {
  readonly buffer: Buffer;
}

type ClientBatch = new (topic: string, fetchedOffset: string, data: object) => Batch;

/** Insides of the client, with ours in their place. */
let inside:
  | {
      readonly Batch: ClientBatch;
      readonly encodeRecord: (record: object) => Encoded;
      readonly encodeBatch: (batch: object) => Promise<Encoded>;
    }
  | undefined;
function clientInside(): NonNullable<typeof inside> {
  if (inside !== undefined) return inside;
  loadKafkajs();
  const require = createRequire(import.meta.url);
  const batches = 'kafkajs/src/protocol/recordBatch';
  const encoder = require(`${batches}/v0/index.js`) as {
    RecordBatch: (batch: object) => Promise<Encoded>;
  };
  inside = {
    Batch: require('kafkajs/src/consumer/batch.js') as ClientBatch,
    encodeRecord: require(`${batches}/record/v0/index.js`) as (record: object) => Encoded,
    encodeBatch: encoder.RecordBatch,
  };
  return inside;
}

/** A record batch as a broker keeps it; a compacted one holds some of its offsets only, or none. */
export async function encodeRecordBatch(
  first: number,
  offsets: readonly number[],
  last = offsets.at(-1) ?? first,
): Promise<Buffer> {
  const { encodeRecord, encodeBatch } = clientInside();
  const records = offsets.map((offset) => {
    const { key, value } = recordOf(outcomeEvent({ event_id: `e-${offset}` }));
    return encodeRecord({ offsetDelta: offset - first, key, value: Buffer.from(value) });
  });
  const lastOffsetDelta = last - first;
  const times = { firstTimestamp: 1767571200000, maxTimestamp: 1767571200000 };
  return (await encodeBatch({ firstOffset: first, lastOffsetDelta, ...times, records })).buffer;
}

/** What the client hands out of these bytes when it asked for an offset of partition 0. */
export async function fetchedBatch(asked: number, bytes: Buffer): Promise<Batch> {
  const messages = await decodeRecordBatches(bytes, () => null);
  const data = { partition: 0, highWatermark: '1000', abortedTransactions: [], messages };
  return new (clientInside().Batch)('t', String(asked), data);
}
