import { closeSync, openSync, readSync } from 'node:fs';
import { open as openHandle } from 'node:fs/promises';
import { DataType, Message, RecordBatchReader, type Schema } from 'apache-arrow';
import {
  type ColumnChunk,
  type ColumnKind,
  type ColumnSource,
  corrupt,
} from './partition-columns.ts';
import { storeError } from './store-error.ts';

/** A columnar file whose columns are read piece by piece: memory does not grow with its size. */
export interface ColumnFile extends ColumnSource {
  close(): void;
}

interface Region {
  readonly position: number;
  readonly length: number;
}

interface Batch {
  readonly rows: number;
  readonly nulls: readonly number[];
  readonly regions: readonly Region[];
}

/** Prefix of a message in a file: a continuation mark and the length of what follows. */
const PREFIX = 8;

/**
 * Opens an uncompressed Arrow IPC file of Int64 and text columns by path. A chunk's buffers hold until
 * the next chunk is asked for.
 * @throws VamoError STORE_CORRUPT when it is no such file, STORE_IO
 */
export async function openColumnFile(path: string, label: string): Promise<ColumnFile> {
  const { schema, blocks } = await footerOf(path, label);
  const file = open(path);
  const scratch = { offsets: new ArrayBuffer(0), values: new ArrayBuffer(0) };

  /** The bytes of a region, in the scratch memory of its purpose. */
  function read(use: keyof typeof scratch, { position, length }: Region): Uint8Array {
    if (scratch[use].byteLength < length) scratch[use] = new ArrayBuffer(length + (length >> 1));
    const bytes = new Uint8Array(scratch[use], 0, length);
    if (readSync(file, bytes, 0, length, position) !== length)
      throw corrupt(label, 'cut short while it was read');
    return bytes;
  }

  const batches = blocks.map(({ offset, metaDataLength }): Batch => {
    const head = read('values', { position: offset + PREFIX, length: metaDataLength - PREFIX });
    const message = Message.decode(head.slice());
    if (!message.isRecordBatch()) throw corrupt(label, 'not made of record batches');
    const batch = message.header();
    if (batch.compression !== null) throw corrupt(label, 'compressed; sealed days are not');
    const body = offset + metaDataLength;
    return {
      rows: batch.length,
      nulls: batch.nodes.map(({ nullCount }) => nullCount),
      regions: batch.buffers.map((b) => ({ position: body + b.offset, length: b.length })),
    };
  });
  const places = placesOf(schema, label);

  return {
    rows: batches.reduce((sum, { rows }) => sum + rows, 0),
    *chunks(name, kind) {
      const place = places.get(name);
      if (place === undefined) throw corrupt(label, `column ${name} is missing`);
      if (place.kind !== kind) throw corrupt(label, `column ${name} is ${place.kind}, not ${kind}`);
      for (const { rows, nulls, regions } of batches) {
        if ((nulls[place.field] ?? 0) > 0) throw corrupt(label, `column ${name} has nulls`);
        const [first, second] = regions.slice(place.buffer + 1);
        if (first === undefined) throw corrupt(label, `column ${name} is cut short`);
        yield kind === 'int64'
          ? { rows, bytes: read('values', { ...first, length: 8 * rows }) }
          : textChunk(rows, read('offsets', first), () => read('values', second ?? first));
      }
    },
    close: () => closeSync(file),
  };
}

/** Texts are read only by those who ask for more than their lengths. */
function textChunk(rows: number, offsets: Uint8Array, bytes: () => Uint8Array): ColumnChunk {
  return {
    rows,
    // A batch without rows may have no offsets at all.
    offsets: new Int32Array(offsets.buffer, 0, Math.min(rows + 1, offsets.byteLength >> 2)),
    get bytes() {
      return bytes();
    },
  };
}

interface Place {
  readonly field: number;
  readonly kind: ColumnKind;
  /** Of its validity; the others follow. */
  readonly buffer: number;
}

function placesOf(schema: Schema, label: string): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  let buffer = 0;
  for (const [field, { name, type }] of schema.fields.entries()) {
    const kind = DataType.isUtf8(type) ? 'text' : 'int64';
    const plain = kind === 'text' || (DataType.isInt(type) && type.bitWidth === 64);
    if (!plain) throw corrupt(label, `column ${name} is neither text nor Int64`);
    places.set(name, { field, kind, buffer });
    buffer += kind === 'text' ? 3 : 2;
  }
  return places;
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw storeError(error, `cannot open ${path}`);
  }
}

/** What the end of the file says of it; no batch is read. */
async function footerOf(path: string, label: string) {
  const file = await openHandle(path).catch((error: unknown) => {
    throw storeError(error, `cannot open ${path}`);
  });
  try {
    const { schema, footer } = await (await RecordBatchReader.from(file)).open();
    return { schema, blocks: [...(footer?.recordBatches() ?? [])] };
  } catch (cause) {
    throw corrupt(label, 'not a readable Arrow file', cause);
  } finally {
    await file.close().catch(() => undefined);
  }
}
