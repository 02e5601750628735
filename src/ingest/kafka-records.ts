import type { KafkaMessage } from 'kafkajs';
import type { ReadRecord } from './event-source.ts';

/** What the records of one record batch share. */
interface BatchContext {
  readonly firstOffset: string;
  readonly firstTimestamp: string;
  readonly partitionLeaderEpoch: number;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
  readonly lastOffsetDelta: number;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly maxTimestamp: string;
}

interface Inflate {
  decompress(bytes: Buffer): Promise<Buffer>;
}

/** Finds the codec of a record batch by its attributes; null = not compressed. */
export type FindCodec = (attributes: number) => Inflate | null;

const HEADER_BYTES = 61;
const LENGTH_AT = 8;
const LEADER_EPOCH_AT = 12;
const MAGIC_AT = 16;
const ATTRIBUTES_AT = 21;
const LAST_DELTA_AT = 23;
const FIRST_TIME_AT = 27;
const MAX_TIME_AT = 35;
const PRODUCER_AT = 43;
const PRODUCER_EPOCH_AT = 51;
const SEQUENCE_AT = 53;
const COUNT_AT = 57;
const APPEND_TIME = 0x8;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/**
 * One record as a place in its batch's bytes. It looks like kafkajs's message, but makes nothing
 * until it is asked: a class, since the getters must be on a prototype to cost nothing a record.
 */
export class PlacedRecord {
  declare readonly size?: undefined;
  readonly bytes: Buffer;
  /** `offset` and `timestamp` as numbers. */
  readonly position: number;
  readonly timeMs: number;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly batchContext: BatchContext;

  constructor(
    bytes: Buffer,
    position: number,
    timeMs: number,
    key: number,
    keyEnd: number,
    value: number,
    valueEnd: number,
    batchContext: BatchContext,
  ) {
    this.bytes = bytes;
    this.position = position;
    this.timeMs = timeMs;
    this.keyStart = key;
    this.keyEnd = keyEnd;
    this.valueStart = value;
    this.valueEnd = valueEnd;
    this.batchContext = batchContext;
  }

  get offset(): string {
    return String(this.position);
  }
  get timestamp(): string {
    return String(this.timeMs);
  }
  // Of a record's own attributes none is in use; the form is the only one there is.
  declare readonly attributes: number;
  declare readonly magicByte: number;
  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }
  get key(): Buffer | null {
    return this.keyStart < 0 ? null : this.bytes.subarray(this.keyStart, this.keyEnd);
  }
  get value(): Buffer | null {
    return this.valueStart < 0 ? null : this.bytes.subarray(this.valueStart, this.valueEnd);
  }
  get headers(): NonNullable<KafkaMessage['headers']> {
    return byName(readHeaders(this.bytes, this.valueEnd));
  }
}

Object.assign(PlacedRecord.prototype, { attributes: 0, magicByte: 2 });

interface KafkaHeader {
  readonly name: string;
  readonly value: Buffer | null;
}

/** A record for the ingester: like `PlacedRecord` it makes its parts only when asked. */
class LazyRecord implements ReadRecord {
  readonly offset: number;
  readonly arrivalMs: number;
  readonly within: Buffer;
  readonly start: number;
  readonly end: number;
  readonly keyStart: number;
  readonly keyEnd: number;

  constructor(placed: PlacedRecord) {
    this.offset = placed.position;
    this.arrivalMs = placed.timeMs;
    this.within = placed.bytes;
    this.start = placed.valueStart;
    this.end = placed.valueEnd;
    this.keyStart = placed.keyStart;
    this.keyEnd = placed.keyEnd;
  }
  get key(): Buffer | null {
    return this.keyStart < 0 ? null : this.within.subarray(this.keyStart, this.keyEnd);
  }
  get headers(): KafkaHeader[] {
    return readHeaders(this.within, this.end);
  }
  get value(): Buffer | null {
    return this.start < 0 ? null : this.within.subarray(this.start, this.end);
  }
}

export const readRecord = (record: PlacedRecord): ReadRecord => new LazyRecord(record);

/** Where the last variable-length integer ended; a result beside the value would be an object. */
let cursor = 0;

/** A zigzag variable-length integer. Exact below 2^53. */
function readVarint(bytes: Buffer, at: number): number {
  let byte = bytes[at] ?? 0;
  let value = byte & 0x7f;
  let next = at + 1;
  for (let scale = 128; byte > 127; scale *= 128) {
    byte = bytes[next++] ?? 0;
    value += (byte & 0x7f) * scale;
  }
  cursor = next;
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** Headers lie behind the value. */
function readHeaders(bytes: Buffer, at: number): KafkaHeader[] {
  const headers: KafkaHeader[] = [];
  const count = readVarint(bytes, at);
  const take = (): Buffer | null => {
    const length = readVarint(bytes, cursor);
    if (length < 0) return null;
    const start = cursor;
    cursor += length;
    return bytes.subarray(start, cursor);
  };
  for (let i = 0; i < count; i++) {
    const name = take()?.toString() ?? '';
    headers.push({ name, value: take() });
  }
  return headers;
}

/** As the client's messages have them. */
function byName(list: readonly KafkaHeader[]): NonNullable<KafkaMessage['headers']> {
  const headers: NonNullable<KafkaMessage['headers']> = {};
  for (const { name, value } of list) {
    const known = headers[name];
    if (known === undefined) headers[name] = value ?? undefined;
    else headers[name] = [known, value ?? ''].flat();
  }
  return headers;
}

function contextOf(bytes: Buffer, at: number): BatchContext {
  const attributes = bytes.readInt16BE(at + ATTRIBUTES_AT);
  return {
    firstOffset: bytes.readBigInt64BE(at).toString(),
    firstTimestamp: bytes.readBigInt64BE(at + FIRST_TIME_AT).toString(),
    partitionLeaderEpoch: bytes.readInt32BE(at + LEADER_EPOCH_AT),
    inTransaction: (attributes & TRANSACTIONAL) > 0,
    isControlBatch: (attributes & CONTROL) > 0,
    lastOffsetDelta: bytes.readInt32BE(at + LAST_DELTA_AT),
    producerId: bytes.readBigInt64BE(at + PRODUCER_AT).toString(),
    producerEpoch: bytes.readInt16BE(at + PRODUCER_EPOCH_AT),
    firstSequence: bytes.readInt32BE(at + SEQUENCE_AT),
    maxTimestamp: bytes.readBigInt64BE(at + MAX_TIME_AT).toString(),
  };
}

/** Appends the records of one batch, which lie at `at` of its bytes as they are or inflated. */
function placeRecords(
  into: PlacedRecord[],
  bytes: Buffer,
  at: number,
  batch: { readonly count: number; readonly context: BatchContext; readonly appendTime: boolean },
): void {
  const { count, context, appendTime } = batch;
  const firstOffset = Number(context.firstOffset);
  const firstTime = Number(context.firstTimestamp);
  const maxTime = Number(context.maxTimestamp);
  cursor = at;
  for (let i = 0; i < count; i++) {
    const length = readVarint(bytes, cursor);
    const end = cursor + length;
    if (end > bytes.length) throw new RangeError('a record batch ends inside a record');
    // One byte of attributes, of which none is in use.
    const time = firstTime + readVarint(bytes, cursor + 1);
    const offset = firstOffset + readVarint(bytes, cursor);
    const keyLength = readVarint(bytes, cursor);
    const key = keyLength < 0 ? -1 : cursor;
    const keyEnd = keyLength < 0 ? -1 : cursor + keyLength;
    if (keyLength > 0) cursor += keyLength;
    const valueLength = readVarint(bytes, cursor);
    const value = valueLength < 0 ? -1 : cursor;
    const valueEnd = cursor + Math.max(valueLength, 0);
    into.push(
      new PlacedRecord(
        bytes,
        offset,
        appendTime ? maxTime : time,
        key,
        keyEnd,
        value,
        valueEnd,
        context,
      ),
    );
    cursor = end;
  }
}

/** Whether the bytes hold record batches of the present form, and not message sets of before 0.11. */
export const isRecordBatch = (bytes: Buffer): boolean =>
  bytes.length > MAGIC_AT && bytes[MAGIC_AT] === 2;

/**
 * Ends a batch whose last offsets were compacted away, as a control record would: nobody is handed it, and
 * the client goes on behind it. Without one a batch of which no record is left would be fetched for ever.
 */
function endMarker(bytes: Buffer, position: number, context: BatchContext): PlacedRecord {
  const control = { ...context, isControlBatch: true, inTransaction: false };
  return new PlacedRecord(bytes, position, Number(context.maxTimestamp), -1, -1, -1, -1, control);
}

/**
 * The records of all whole batches, in order, control records among them; a batch cut off by the
 * fetch's limit is left for the next fetch.
 * @throws what the codec throws; RangeError when a batch is damaged
 */
export async function decodeRecordBatches(
  bytes: Buffer,
  findCodec: FindCodec,
): Promise<PlacedRecord[]> {
  const records: PlacedRecord[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const end = at + LEADER_EPOCH_AT + bytes.readInt32BE(at + LENGTH_AT);
    if (end > bytes.length) break;
    const attributes = bytes.readInt16BE(at + ATTRIBUTES_AT);
    const context = contextOf(bytes, at);
    const count = bytes.readInt32BE(at + COUNT_AT);
    const codec = findCodec(attributes);
    const batch = { count, context, appendTime: (attributes & APPEND_TIME) > 0 };
    if (codec === null) placeRecords(records, bytes, at + HEADER_BYTES, batch);
    else if (count > 0) {
      const inflated = await codec.decompress(bytes.subarray(at + HEADER_BYTES, end));
      placeRecords(records, inflated, 0, batch);
    }
    const last = Number(context.firstOffset) + context.lastOffsetDelta;
    if ((records.at(-1)?.position ?? -1) < last) records.push(endMarker(bytes, last, context));
    at = end;
  }
  return records;
}
