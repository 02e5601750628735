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
  /** The column with `rows` rows, as Arrow data. */
  data(rows: number): Data;
}

const HALF = 4294967296;
const ROWS = 64;

/**
 * Signed 64-bit integers, given as numbers below 2^53 in magnitude. They are stored as two 32-bit
 * halves: a BigInt an element would cost more than the whole row.
 */
export function integerColumn(): ColumnBuilder<number> {
  let halves = new Int32Array(2 * ROWS);

  const grow = (rows: number): void => {
    const grown = new Int32Array(2 * Math.max(rows, halves.length));
    grown.set(halves);
    halves = grown;
  };

  return {
    set(row, value) {
      if (2 * row >= halves.length) grow(row + 1);
      // `| 0` of a double is its value modulo 2^32.
      halves[2 * row] = value | 0;
      halves[2 * row + 1] = value >= 0 && value < HALF ? 0 : Math.floor(value / HALF);
    },
    data(rows) {
      if (2 * rows > halves.length) grow(rows);
      const data = new BigInt64Array(halves.buffer, 0, rows);
      return makeData({ type: new Int64(), length: rows, nullCount: 0, data });
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

  /** Gives the rows before `row` that were left out their (empty) place. */
  const fillTo = (row: number): void => {
    if (row >= offsets.length) {
      const grown = new Int32Array(Math.max(row + 1, 2 * offsets.length));
      grown.set(offsets);
      offsets = grown;
    }
    if (row > filled) offsets.fill(end, filled + 1, row + 1);
    filled = row;
  };

  const reserve = (size: number): void => {
    if (end + size <= bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(end + size, bytes.length * 2));
    bytes.copy(grown, 0, 0, end);
    bytes = grown;
  };

  return {
    set(row, value) {
      fillTo(row);
      // A UTF-16 unit becomes at most three bytes.
      reserve(value.length * 3);
      let at = end;
      let i = 0;
      for (; i < value.length; i++) {
        const code = value.charCodeAt(i);
        if (code > 127) break;
        bytes[at++] = code;
      }
      end = i === value.length ? at : end + bytes.write(value, end);
      fillTo(row + 1);
    },
    setBytes(row, source, from, to) {
      fillTo(row);
      reserve(to - from);
      // A native copy costs more than so few bytes.
      for (let i = from; i < to; i++) bytes[end++] = source[i] ?? 0;
      fillTo(row + 1);
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
