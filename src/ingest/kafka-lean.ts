import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type kafkajs from 'kafkajs';
import { VamoError } from '../core/index.ts';
import { type AbortedTransaction, committedOnly } from './kafka-aborted.ts';
import {
  decodeRecordBatches,
  type FindCodec,
  isRecordBatch,
  type PlacedRecord,
} from './kafka-records.ts';

type Kafkajs = typeof kafkajs;

/** The release whose insides are known; it is the last one there was. */
const KNOWN = '2.2.4';
const DECODER = 'src/protocol/requests/fetch/v4/decodeMessages.js';
const BATCH = 'src/consumer/batch.js';
const COMPRESSION = 'src/protocol/message/compression/index.js';

interface FetchDecoder {
  buffer: Buffer;
  offset: number;
  readInt32(): number;
  canReadBytes(length: number): boolean;
}
type DecodeMessages = (decoder: FetchDecoder) => Promise<readonly unknown[]>;
interface PartitionData {
  readonly messages: readonly unknown[];
  readonly abortedTransactions?: readonly AbortedTransaction[] | null;
}
type BatchClass = new (topic: string, fetchedOffset: string, data: PartitionData) => object;

const isPlaced = (messages: readonly unknown[]): messages is readonly PlacedRecord[] =>
  messages.length > 0 && (messages[0] as Partial<PlacedRecord>).position !== undefined;

function leanDecoder(original: DecodeMessages, findCodec: FindCodec): DecodeMessages {
  return async (decoder) => {
    const start = decoder.offset;
    const size = decoder.readInt32();
    if (size <= 0 || !decoder.canReadBytes(size)) return [];
    const bytes = decoder.buffer.subarray(decoder.offset, decoder.offset + size);
    if (!isRecordBatch(bytes)) {
      decoder.offset = start;
      return original(decoder);
    }
    decoder.offset += size;
    return decodeRecordBatches(bytes, findCodec);
  };
}

/** The client's own batch with other lists in it: a constructor may give back another object. */
function leanBatch(Original: BatchClass): BatchClass {
  function Batch(topic: string, fetchedOffset: string, data: PartitionData): object {
    const { messages, abortedTransactions } = data;
    if (!isPlaced(messages)) return new Original(topic, fetchedOffset, data);
    const from = Number(fetchedOffset);
    const first = messages.findIndex(({ position }) => position >= from);
    const within = first < 0 ? [] : messages.slice(first);
    const committed = committedOnly(within, abortedTransactions ?? []);
    return Object.assign(new Original(topic, fetchedOffset, { ...data, messages: [] }), {
      rawMessages: messages,
      messagesWithinOffset: within,
      messages: committed,
      // Where nothing is for readers the client tells of this offset only, and what it passes over begins
      // where it asked: before that log compaction may have left a hole.
      ...(committed.length > 0 ? {} : { firstOffset: () => fetchedOffset }),
    });
  }
  return Batch as unknown as BatchClass;
}

/**
 * kafkajs with the decoding of fetched records exchanged, which takes it four times as long as all the
 * rest it does. Messages look as before; made lazily. Beside the speed this mends what
 * aborted transactions that began before a fetch do: the client would let through all but one of them.
 * @throws VamoError INGEST_SOURCE when the installed kafkajs is another release
 */
export function loadKafkajs(): Kafkajs {
  const require = createRequire(import.meta.url);
  const root = dirname(require.resolve('kafkajs/package.json'));
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== KNOWN)
    throw new VamoError('INGEST_SOURCE', `kafkajs is ${version}; this program needs ${KNOWN}`);
  const replace = <T>(file: string, change: (original: T) => T): void => {
    const path = join(root, file);
    const original = require(path) as T;
    const module = require.cache[path];
    if (module !== undefined) module.exports = change(original);
  };
  // Whoever loaded the client before keeps what he has.
  for (const path of Object.keys(require.cache))
    if (path.startsWith(root)) Reflect.deleteProperty(require.cache, path);
  const compression = require(join(root, COMPRESSION)) as { lookupCodecByAttributes: FindCodec };
  const { lookupCodecByAttributes: findCodec } = compression;
  replace<DecodeMessages>(DECODER, (original) => leanDecoder(original, findCodec));
  replace<BatchClass>(BATCH, leanBatch);
  return require('kafkajs') as Kafkajs;
}
