import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVamoError } from '../../src/core/index.ts';
import { decodeTensors, encodeTensors, type StoredTensor } from '../../src/trainer/safetensors.ts';

const dims = fc.array(fc.nat(4), { maxLength: 3 });
const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const tensor = dims.chain((shape): fc.Arbitrary<StoredTensor> => {
  const length = { minLength: size(shape), maxLength: size(shape) };
  return fc
    .oneof(
      fc.float32Array(length),
      fc.float64Array(length),
      fc.int32Array(length),
      fc.bigInt64Array(length),
      fc.uint8Array(length),
    )
    .map((data) => ({ shape, data }));
});
const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((n) => n !== '__proto__');
const tensors = fc
  .array(fc.tuple(name, tensor), { maxLength: 6 })
  .map((entries) => new Map(entries));
const metadata = fc.dictionary(name, fc.string(), { noNullPrototype: true });

/** A file with any header over any data. */
function file(header: unknown, dataBytes = 0, length?: bigint): Uint8Array {
  const text = new TextEncoder().encode(
    typeof header === 'string' ? header : JSON.stringify(header),
  );
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** The message of the CHECKPOINT_INVALID that decoding must throw. */
function refusal(bytes: Uint8Array): string {
  try {
    decodeTensors(bytes);
  } catch (error) {
    if (isVamoError(error, 'CHECKPOINT_INVALID')) return error.message;
    throw error;
  }
  throw new Error('was accepted');
}

const f32 = (from: number, to: number, shape = [(to - from) / 4]): unknown => ({
  dtype: 'F32',
  shape,
  data_offsets: [from, to],
});

describe('tensor files', () => {
  it('give back every tensor and the metadata, bit for bit', () => {
    fc.assert(
      fc.property(tensors, metadata, (written, notes) => {
        const read = decodeTensors(encodeTensors(written, notes));
        expect(read.metadata).toEqual(notes);
        expect([...read.tensors.keys()].sort()).toEqual([...written.keys()].sort());
        for (const [key, { shape, data }] of written) {
          const back = read.tensors.get(key)!;
          expect(back.shape).toEqual(shape);
          expect(back.data.constructor).toBe(data.constructor);
          const bytesOf = (a: StoredTensor['data']): Buffer =>
            Buffer.from(a.buffer, a.byteOffset, a.byteLength);
          expect(bytesOf(back.data).equals(bytesOf(data))).toBe(true);
        }
      }),
    );
  });

  it('have the same bytes whatever the order of insertion', () => {
    fc.assert(
      fc.property(tensors, (written) => {
        const reversed = new Map([...written].reverse());
        expect(encodeTensors(reversed)).toEqual(encodeTensors(written));
      }),
    );
  });

  it('start with the header length and a header padded to 8 bytes', () => {
    const bytes = encodeTensors(new Map([['w', { shape: [2], data: Float32Array.of(1, 2) }]]));
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    expect(JSON.parse(Buffer.from(bytes.subarray(8, 8 + length)).toString())).toEqual({
      w: f32(0, 8),
    });
    expect(bytes.length).toBe(8 + length + 8);
  });

  it('decode from bytes that do not start on an aligned address', () => {
    const bytes = encodeTensors(new Map([['w', { shape: [2], data: Float64Array.of(1, 2) }]]));
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(decodeTensors(shifted.subarray(3)).tensors.get('w')?.data).toEqual(
      Float64Array.of(1, 2),
    );
  });

  it('are not written when a shape does not fit or a limit is passed', () => {
    const w = { shape: [3], data: Float32Array.of(1, 2) };
    expect(() => encodeTensors(new Map([['w', w]]))).toThrow(/"w": shape \[3\] for 2 numbers/);
    const many = Array.from({ length: 4097 }, (_, i) => [`t${i}`, { ...w, shape: [2] }] as const);
    expect(() => encodeTensors(new Map(many))).toThrow(/4097 tensors/);
    expect(() => encodeTensors(new Map(), { note: 'x'.repeat(1 << 20) })).toThrow(/at most 1 MiB/);
  });
});

describe('hostile tensor files are refused', () => {
  it.each([
    ['an empty file', new Uint8Array(0), /too short/],
    ['a header longer than the file', file({}, 0, 100n), /longer than the file/],
    ['a header length of 2^64 - 1', file({}, 0, 2n ** 64n - 1n), /at most 1 MiB/],
    ['a header above 1 MiB', file(' '.repeat((1 << 20) + 1)), /at most 1 MiB/],
    ['a header that is not JSON', file('{"w":'), /not JSON/],
    ['a header that is not UTF-8', file('"\ud800').fill(0xff, 8), /not JSON/],
    ['a header that is a list', file([]), /not an object/],
    ['a null header', file(null), /not an object/],
    ['a gap before a tensor', file({ a: f32(4, 8) }, 8), /does not follow 0 of 8/],
    ['a gap between tensors', file({ a: f32(0, 4), b: f32(8, 12) }, 12), /does not follow 4/],
    ['an overlap', file({ a: f32(0, 8), b: f32(4, 12) }, 12), /does not follow 8/],
    ['two names for one range', file({ a: f32(0, 4), b: f32(0, 4) }, 4), /does not follow 4/],
    ['a range past the end', file({ a: f32(0, 8) }, 4), /does not follow 0 of 4/],
    ['bytes after the last tensor', file({ a: f32(0, 4) }, 8), /4 bytes after/],
    ['a range that ends before it starts', file({ a: f32(0, 0), b: f32(0, -4, [1]) }, 4), /"b"/],
    ['a length that is not type x shape', file({ a: f32(0, 8, [3]) }, 8), /8 bytes for 12/],
    ['a shape whose product overflows', file({ a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4), /"a"/],
    ['a negative dimension', file({ a: f32(0, 4, [-1]) }, 4), /"a".shape/],
    ['a fractional offset', file({ a: f32(0, 3.5, [1]) }, 4), /"a".data_offsets/],
    ['an unknown type', file({ a: { ...(f32(0, 4) as object), dtype: 'F8' } }, 4), /"a".dtype/],
    ['an unknown key', file({ a: { ...(f32(0, 4) as object), extra: 1 } }, 4), /extra/],
    ['metadata that is not text', file({ __metadata__: { a: 1 } }), /__metadata__/],
    [
      'more than 4096 tensors',
      file(Object.fromEntries(Array.from({ length: 4097 }, (_, i) => [`t${i}`, f32(0, 0, [0])]))),
      /4097 tensors/,
    ],
  ])('%s', (_, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
  });

  it('never in another way than CHECKPOINT_INVALID, whatever bytes are changed', () => {
    const good = encodeTensors(
      new Map<string, StoredTensor>([
        ['encoder.w', { shape: [2, 3], data: Float32Array.from([1, 2, 3, 4, 5, 6]) }],
        ['step', { shape: [], data: BigInt64Array.of(7n) }],
      ]),
      { run: 'a' },
    );
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(change, { minLength: 1, maxLength: 4 }),
        fc.nat(good.length),
        (changes, cut) => {
          const bytes = good.slice(0, cut % 3 === 0 ? cut : good.length);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          try {
            decodeTensors(bytes);
          } catch (error) {
            expect(isVamoError(error, 'CHECKPOINT_INVALID')).toBe(true);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('never in another way, whatever JSON the header is', () => {
    const piece = fc.oneof(
      fc.jsonValue(),
      fc.record({
        dtype: fc.oneof(fc.constantFrom('F32', 'I64', 'U8'), fc.string()),
        shape: fc.array(fc.oneof(fc.integer(), fc.maxSafeNat())),
        data_offsets: fc.tuple(fc.integer(), fc.integer()),
      }),
    );
    fc.assert(
      fc.property(fc.dictionary(fc.string(), piece), fc.nat(32), (header, dataBytes) => {
        try {
          decodeTensors(file(header, dataBytes));
        } catch (error) {
          expect(isVamoError(error, 'CHECKPOINT_INVALID')).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
