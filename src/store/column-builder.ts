import {
  type Data,
  Field,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Utf8,
} from 'apache-arrow';

/** A growing column; rows are set in rising order and those left out are 0 or ''. */
export interface ColumnBuilder<T> {
  set(row: number, value: T): void;
  /** The column with `rows` rows, as Arrow data: a view that the next `set` or `clear` overwrites. */
  data(rows: number): Data;
  /** Forgets the rows and keeps the memory for others. */
  clear(): void;
  /** Memory that the rows take; what is held for more of them is not counted. */
  readonly bytes: number;
}

const HALF = 4294967296;
const ROWS = 64;
/** Memory grows by half: doubling would leave a third of a segment's memory unused at its end. */
const grownTo = (least: number, now: number): number => Math.max(least, Math.ceil(now * 1.5));

/**
 * Signed 64-bit integers, given as numbers below 2^53 in magnitude. They are stored as two 32-bit
 * halves: a BigInt an element would cost more than the whole row.
 */
export function integerColumn(): ColumnBuilder<number> {
  let halves = new Int32Array(2 * ROWS);
  let used = 0;

  const grow = (rows: number): void => {
    const grown = new Int32Array(2 * grownTo(rows, halves.length / 2));
    grown.set(halves.subarray(0, used));
    halves = grown;
  };

  return {
    set(row, value) {
      const at = 2 * row;
      if (at >= halves.length) grow(row + 1);
      // `| 0` of a double is its value modulo 2^32.
      halves[at] = value | 0;
      halves[at + 1] = value >= 0 && value < HALF ? 0 : Math.floor(value / HALF);
      used = at + 2;
    },
    data(rows) {
      if (2 * rows > halves.length) grow(rows);
      const data = new BigInt64Array(halves.buffer, 0, rows);
      return makeData({ type: new Int64(), length: rows, nullCount: 0, data });
    },
    clear() {
      halves.fill(0, 0, used);
      used = 0;
    },
    get bytes() {
      return 4 * used;
    },
  };
}

/** Text may also be given as bytes that are known to be UTF-8. */
export interface TextColumn extends ColumnBuilder<string> {
  setBytes(row: number, source: Uint8Array, from: number, to: number): void;
}

/** Text: UTF-8 bytes appended once, one offset a row. */
export function textColumn(): TextColumn {
  // offsets[r] = where row r begins; filled up to and including `filled`.
  let offsets = new Int32Array(ROWS + 1);
  let bytes = Buffer.allocUnsafe(8 * ROWS);
  let filled = 0;
  let end = 0;

  /** Gives the rows before `row` that were left out their (empty) place, and `row` room. */
  const fillTo = (row: number): void => {
    if (row + 1 >= offsets.length) {
      const grown = new Int32Array(grownTo(row + 2, offsets.length));
      grown.set(offsets.subarray(0, filled + 1));
      offsets = grown;
    }
    if (row > filled) offsets.fill(end, filled + 1, row + 1);
    filled = row;
  };

  const reserve = (size: number): void => {
    const grown = Buffer.allocUnsafe(grownTo(end + size, bytes.length));
    bytes.copy(grown, 0, 0, end);
    bytes = grown;
  };

  return {
    set(row, value) {
      if (row !== filled || row + 1 >= offsets.length) fillTo(row);
      // A UTF-16 unit becomes at most three bytes.
      if (end + value.length * 3 > bytes.length) reserve(value.length * 3);
      let at = end;
      let i = 0;
      for (; i < value.length; i++) {
        const code = value.charCodeAt(i);
        if (code > 127) break;
        bytes[at++] = code;
      }
      end = i === value.length ? at : end + bytes.write(value, end);
      offsets[++filled] = end;
    },
    setBytes(row, source, from, to) {
      if (row !== filled || row + 1 >= offsets.length) fillTo(row);
      if (end + to - from > bytes.length) reserve(to - from);
      let at = end;
      // A native copy costs more than so few bytes.
      for (let i = from; i < to; i++) bytes[at++] = source[i] ?? 0;
      end = at;
      offsets[++filled] = at;
    },
    data(rows) {
      fillTo(rows);
      return makeData({
        type: new Utf8(),
        length: rows,
        nullCount: 0,
        valueOffsets: offsets.subarray(0, rows + 1),
        data: bytes.subarray(0, end),
      });
    },
    clear() {
      filled = 0;
      end = 0;
    },
    get bytes() {
      return 4 * filled + end;
    },
  };
}

/** The named columns as an Arrow IPC file of one record batch, no nulls, uncompressed. */
export function encodeColumns(
  columns: Readonly<Record<string, Pick<ColumnBuilder<never>, 'data'>>>,
  rows: number,
): Uint8Array {
  const named = Object.entries(columns).map(([name, column]) => ({
    name,
    data: column.data(rows),
  }));
  const fields = named.map(({ name, data }) => new Field(name, data.type as never, false));
  const schema = new Schema(fields);
  const children = named.map(({ data }) => data);
  const struct = makeData({ type: new Struct(fields), length: rows, nullCount: 0, children });
  return tableToIPC(new Table(schema, new RecordBatch(schema, struct)), 'file');
}
