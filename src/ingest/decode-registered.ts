import type { OutcomeScanner } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import {
  badOf,
  badTime,
  createPlacer,
  createScanPlacer,
  type DecoderOptions,
  type RecordDecoder,
} from './decode-record.ts';
import { EVENT_FIELDS } from './event-fields.ts';
import { AvroCursor, type AvroType, holdsLists } from './avro-cursor.ts';
import type { ReadRecord } from './event-source.ts';
import type { RegisteredSchema, Registry } from './registry.ts';
import { createAvroScanner } from './scan-avro.ts';

/** How messages of one schema are read. */
interface MessageReader {
  /** The event in its wire form. @throws whatever the schema throws for bytes that do not fit */
  readonly read: (payload: Buffer) => unknown;
  readonly scan?: OutcomeScanner | undefined;
}

const MAGIC = 0;
/** The magic byte and the schema's id. */
const HEADER = 5;

/** Text and numbers as in JSON. */
function avroReader(schema: RegisteredSchema & AvroType): MessageReader {
  const { fields = [] } = schema;
  // A field that may be null is one that may be left out.
  const nullable = fields
    .filter(({ type }) => type.typeName.startsWith('union'))
    .map(({ name }) => name);
  // The package makes as many items as a message claims; with 10 bytes that could end the process.
  const cursor = holdsLists(schema) ? new AvroCursor() : undefined;
  const read = (payload: Buffer): unknown => {
    cursor?.start(payload, 0, payload.length);
    if (cursor?.pass(schema) === false) throw new Error('cut off, or no value of its schema');
    const message = schema.fromBuffer(payload);
    if (typeof message !== 'object' || message === null) return message;
    const wire = message as Record<string, unknown>;
    for (const name of nullable) if (wire[name] === null) wire[name] = undefined;
    return wire;
  };
  return { read, scan: createAvroScanner(fields) };
}

/** A field's name in a message that was read: `event_id` is `eventId`. */
const camel = (name: string): string =>
  name.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase());

/** The fields of each kind of event, and their names in a message. */
const PROTOBUF_FIELDS = new Map<
  unknown,
  readonly { readonly name: string; readonly read: string }[]
>(
  Object.entries(EVENT_FIELDS).map(([kind, fields]) => [
    kind,
    ['v', 'kind', ...Object.keys(fields)].map((name) => ({ name, read: camel(name) })),
  ]),
);

const UNKNOWN_KIND = ['v', 'kind'].map((name) => ({ name, read: name }));

/** 64-bit numbers come as objects. */
function plain(value: unknown): unknown {
  const isLong = typeof value === 'object' && value !== null && 'toNumber' in value;
  return isLong ? (value.toNumber as () => number)() : value;
}

function protobufReader(schema: RegisteredSchema): MessageReader {
  const read = (payload: Buffer): unknown => {
    // Which message of the schema: one zero says the first one, the only one that can be read.
    if (payload[0] !== 0) throw new Error('must be of the first message of its schema');
    const message = schema.fromBuffer(payload) as Readonly<Record<string, unknown>>;
    const wire: Record<string, unknown> = {};
    // Of an unknown kind there is nothing to read but that.
    const fields = PROTOBUF_FIELDS.get(message['kind']) ?? UNKNOWN_KIND;
    for (const { name, read } of fields) wire[name] = plain(message[read]);
    return wire;
  };
  return { read };
}

const isAvro = (schema: RegisteredSchema): schema is RegisteredSchema & AvroType =>
  'createResolver' in schema;

/** The reader of a schema; undefined when it is of another format. */
function readerOf(
  format: 'avro' | 'protobuf',
  schema: RegisteredSchema,
): MessageReader | undefined {
  if (format === 'avro') return isAvro(schema) ? avroReader(schema) : undefined;
  return 'message' in schema ? protobufReader(schema) : undefined;
}

/** The id of a framed message's schema; undefined when it is not framed. */
function schemaOf(bytes: Buffer, start: number, end: number): number | undefined {
  return end - start > HEADER && bytes[start] === MAGIC ? bytes.readUInt32BE(start + 1) : undefined;
}

/** A dead letter keeps bytes that happen to be text as text. */
function bytesOf({ value }: ReadRecord): Buffer | undefined {
  if (typeof value === 'string') return Buffer.from(value);
  return Buffer.isBuffer(value) ? value : undefined;
}

/** The schema's id of a record; where its value lies in larger bytes it is not cut out of them. */
function schemaOfRecord(record: ReadRecord): number | undefined {
  const { within, start = -1, end = -1 } = record;
  if (within !== undefined) return start < 0 ? undefined : schemaOf(within, start, end);
  const bytes = bytesOf(record);
  return bytes && schemaOf(bytes, 0, bytes.length);
}

function malformed(reason: string): VamoError {
  return new VamoError('EVENT_INVALID', `value: ${reason}`, { details: { field: 'value' } });
}

/**
 * Events as Avro or Protobuf in the registry's framing: a zero, the schema's id in four bytes, the
 * message. Fields have the names and meanings of the JSON form; those not known are ignored, and a
 * field of another type is a bad record.
 */
export function createRegisteredDecoder(
  format: 'avro' | 'protobuf',
  registry: Registry,
  options: DecoderOptions,
): RecordDecoder {
  const place = createPlacer(options);
  const placeScanned = createScanPlacer(options);
  const readers = new Map<number, MessageReader>();
  /** Why records of a schema cannot be read; asked again with every batch. */
  const refusals = new Map<number, string>();

  async function fetchSchema(id: number): Promise<void> {
    const found = await registry.schema(id);
    if (typeof found === 'string') {
      refusals.set(id, found);
      return;
    }
    refusals.delete(id);
    const reader = readerOf(format, found);
    if (reader === undefined) refusals.set(id, `schema ${id} is not of source.format "${format}"`);
    else readers.set(id, reader);
  }

  function readMessage(record: ReadRecord): unknown {
    const bytes = bytesOf(record);
    const id = bytes && schemaOf(bytes, 0, bytes.length);
    if (bytes === undefined || id === undefined)
      throw malformed('does not begin with a zero and the id of a schema');
    const reader = readers.get(id);
    if (reader === undefined) throw malformed(refusals.get(id) ?? `schema ${id} was not fetched`);
    try {
      return reader.read(bytes.subarray(HEADER));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw malformed(`is no message of schema ${id}: ${reason}`);
    }
  }

  return {
    async prepare(records) {
      const missing = new Set<number>();
      for (const record of records) {
        const id = schemaOfRecord(record);
        if (id !== undefined && !readers.has(id)) missing.add(id);
      }
      for (const id of missing) await fetchSchema(id);
    },
    scan(record) {
      const { arrivalMs, within, start = -1, end = -1 } = record;
      const scan = readers.get(schemaOfRecord(record) ?? -1)?.scan;
      if (within === undefined || scan === undefined || badTime(arrivalMs) !== undefined)
        return undefined;
      const outcome = scan(within, start + HEADER, end);
      return outcome && placeScanned(outcome);
    },
    decode(record) {
      const bad = badTime(record.arrivalMs);
      if (bad !== undefined) return { bad };
      try {
        return place(readMessage(record));
      } catch (error) {
        return badOf(error);
      }
    },
  };
}
