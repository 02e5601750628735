import { z } from 'zod';
import { VamoError } from '../core/index.ts';

/** Element types of a tensor file that this project writes and reads, little-endian. */
const DTYPES = {
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  I64: BigInt64Array,
  U8: Uint8Array,
} as const;
type Dtype = keyof typeof DTYPES;
const DTYPE_NAMES = Object.keys(DTYPES) as Dtype[];

type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** A named array of numbers; `data` is row-major and as long as the product of `shape`. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export interface TensorFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

const MAX_HEADER_BYTES = 1 << 20;
const MAX_TENSORS = 4096;
const LENGTH_BYTES = 8;

const byteCount = z.int().min(0);
const tensorHeader = z.strictObject({
  dtype: z.enum(DTYPE_NAMES),
  shape: z.array(byteCount).max(16),
  data_offsets: z.tuple([byteCount, byteCount]),
});
const metadataHeader = z.record(z.string(), z.string());

const invalid = (message: string, cause?: unknown): VamoError =>
  new VamoError('CHECKPOINT_INVALID', `tensor file: ${message}`, { cause });

/** Number of elements; exact, as shapes beyond 2^53 elements are refused by their byte length. */
const elements = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function dtypeOf(data: TensorData): Dtype {
  const dtype = DTYPE_NAMES.find((name) => data instanceof DTYPES[name]);
  if (dtype === undefined) throw invalid('array of an unknown type');
  return dtype;
}

/**
 * Writes tensors in the safetensors layout: header length (8 bytes), JSON header, data. Tensors go
 * in order of element size, then name, so that each lies aligned; equal content gives equal bytes.
 * @throws VamoError CHECKPOINT_INVALID when a shape does not fit its data or a limit is passed.
 */
export function encodeTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  if (tensors.size > MAX_TENSORS) throw invalid(`${tensors.size} tensors; at most ${MAX_TENSORS}`);
  const ordered = [...tensors].sort(
    ([a, { data: x }], [b, { data: y }]) =>
      y.BYTES_PER_ELEMENT - x.BYTES_PER_ELEMENT || (a < b ? -1 : 1),
  );
  const header: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0)
    header.push(['__metadata__', Object.fromEntries(Object.entries(metadata).sort())]);
  let end = 0;
  for (const [name, { shape, data }] of ordered) {
    if (name === '__metadata__' || elements(shape) !== data.length)
      throw invalid(`"${name}": shape [${shape.join(', ')}] for ${data.length} numbers`);
    header.push([
      name,
      { dtype: dtypeOf(data), shape, data_offsets: [end, (end += data.byteLength)] },
    ]);
  }
  // Members are joined by hand: an object would move number-like names to the front.
  const json = `{${header.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`;
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / 8) * 8;
  if (padded > MAX_HEADER_BYTES) throw invalid(`header of ${padded} bytes; at most 1 MiB`);
  const bytes = new Uint8Array(LENGTH_BYTES + padded + end).fill(
    0x20,
    LENGTH_BYTES,
    LENGTH_BYTES + padded,
  );
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(text, LENGTH_BYTES);
  let at = LENGTH_BYTES + padded;
  for (const [, { data }] of ordered) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

function readHeader(bytes: Uint8Array): { header: [string, unknown][]; data: Uint8Array } {
  if (bytes.length < LENGTH_BYTES) throw invalid(`${bytes.length} bytes; too short`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  if (length > MAX_HEADER_BYTES) throw invalid(`header of ${length} bytes; at most 1 MiB`);
  if (LENGTH_BYTES + length > bytes.length) throw invalid('header longer than the file');
  const text = bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (error) {
    throw invalid('header is not JSON', error);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid('header is not an object');
  return { header: Object.entries(json), data: bytes.subarray(LENGTH_BYTES + length) };
}

/**
 * Reads a safetensors file from an untrusted source. Every limit is checked before memory is taken:
 * header at most 1 MiB, at most 4096 tensors, known types and keys only, ranges that follow each
 * other without gap or overlap from the first byte of the data to the last, type x shape = length.
 * @throws VamoError CHECKPOINT_INVALID naming the tensor and the value; nothing else is thrown.
 */
export function decodeTensors(bytes: Uint8Array): TensorFile {
  const { header, data } = readHeader(bytes);
  const metadata = metadataHeader.safeParse(
    header.find(([name]) => name === '__metadata__')?.[1] ?? {},
  );
  if (!metadata.success) throw invalid('__metadata__: must map text to text', metadata.error);
  const entries = header.filter(([name]) => name !== '__metadata__');
  if (entries.length > MAX_TENSORS)
    throw invalid(`${entries.length} tensors; at most ${MAX_TENSORS}`);
  const parsed = entries.map(([name, value]) => {
    const tensor = tensorHeader.safeParse(value);
    if (tensor.success) return { name, ...tensor.data };
    const issue = tensor.error.issues[0];
    throw invalid(`"${name}".${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`);
  });
  parsed.sort(
    (a, b) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  );
  const tensors = new Map<string, StoredTensor>();
  let reached = 0;
  for (const {
    name,
    dtype,
    shape,
    data_offsets: [from, to],
  } of parsed) {
    const size = elements(shape) * DTYPES[dtype].BYTES_PER_ELEMENT;
    if (from !== reached || to > data.length)
      throw invalid(
        `"${name}": range [${from}, ${to}) does not follow ${reached} of ${data.length}`,
      );
    if (to - from !== size) throw invalid(`"${name}": ${to - from} bytes for ${size}`);
    // A copy: aligned, and independent of the caller's bytes (`slice` of a Buffer would be a view).
    const copy = new Uint8Array(data.subarray(from, to));
    tensors.set(name, { shape, data: new DTYPES[dtype](copy.buffer) });
    reached = to;
  }
  if (reached !== data.length)
    throw invalid(`${data.length - reached} bytes after the last tensor`);
  return { tensors, metadata: metadata.data };
}
