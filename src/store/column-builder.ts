import { type Data, Int64, makeData, Utf8 } from 'apache-arrow';

/** A growing column of signed 64-bit integers, given as numbers. */
export interface IntegerColumn {
  push(value: number): void;
  data(): Data<Int64>;
}

const HALF = 4294967296;

/**
 * Integers are stored as two 32-bit halves: a BigInt an element would cost more than the whole row.
 * Exact for integers below 2^53 in magnitude.
 */
export function integerColumn(capacity = 4096): IntegerColumn {
  let halves = new Int32Array(capacity * 2);
  let length = 0;
  return {
    push(value) {
      const at = length * 2;
      if (at === halves.length) {
        const grown = new Int32Array(at * 2);
        grown.set(halves);
        halves = grown;
      }
      // `| 0` of a double is its value modulo 2^32.
      halves[at] = value | 0;
      halves[at + 1] = value >= 0 && value < HALF ? 0 : Math.floor(value / HALF);
      length += 1;
    },
    data: () =>
      makeData({
        type: new Int64(),
        length,
        nullCount: 0,
        data: new BigInt64Array(halves.buffer, 0, length),
      }),
  };
}

/** A growing column of text: UTF-8 bytes appended once, one offset a row. */
export interface TextColumn {
  push(value: string): void;
  data(): Data<Utf8>;
}

/** Up to here a loop over char codes beats the call into the encoder. */
const SHORT = 48;

export function textColumn(capacity = 4096): TextColumn {
  let offsets = new Int32Array(capacity + 1);
  let bytes = Buffer.allocUnsafe(capacity * 16);
  let length = 0;
  let end = 0;

  const reserve = (size: number): void => {
    if (end + size > bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(end + size, bytes.length * 2));
      bytes.copy(grown, 0, 0, end);
      bytes = grown;
    }
    if (length + 1 === offsets.length) {
      const grown = new Int32Array(offsets.length * 2);
      grown.set(offsets);
      offsets = grown;
    }
  };

  /** Appends while characters are ASCII; the index of the first that is not. */
  const appendAscii = (value: string): number => {
    const target = bytes;
    let at = end;
    let i = 0;
    for (; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 127) return i;
      target[at++] = code;
    }
    end = at;
    return i;
  };

  return {
    push(value) {
      reserve(value.length * 3);
      if (value.length > SHORT || appendAscii(value) < value.length) end += bytes.write(value, end);
      length += 1;
      offsets[length] = end;
    },
    data: () =>
      makeData({
        type: new Utf8(),
        length,
        nullCount: 0,
        valueOffsets: offsets.subarray(0, length + 1),
        data: bytes.subarray(0, end),
      }),
  };
}
