import {
  type Data,
  Field,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
} from 'apache-arrow';
import { type AuctionEvent, EVENT_COLUMNS, PROVENANCE_COLUMNS } from '../contracts/index.ts';
import { integerColumn, textColumn } from './column-builder.ts';

/** Builds one segment: rows in, an Arrow IPC file out. */
export interface SegmentBuilder {
  /** Appends an event with its place in the source. Fields its kind does not have become 0 or ''. */
  push(
    event: AuctionEvent,
    arrivalMs: number,
    topic: string,
    partition: number,
    offset: number,
  ): void;
  readonly rows: number;
  /** The Arrow IPC file: EVENT_COLUMNS then PROVENANCE_COLUMNS, plain Utf8 and Int64, no nulls, uncompressed. */
  finish(): Uint8Array;
}

type Row = Readonly<Record<string, string | number | boolean | undefined>>;

export function createSegmentBuilder(): SegmentBuilder {
  const columns = Object.entries({ ...EVENT_COLUMNS, ...PROVENANCE_COLUMNS }).map(([name, type]) =>
    type === 'text'
      ? { name, type, column: textColumn() }
      : { name, type, column: integerColumn() },
  );
  let rows = 0;
  return {
    push(event, arrival_ms, src_topic, src_partition, src_offset) {
      const row: Row = { ...event, arrival_ms, src_topic, src_partition, src_offset };
      for (const { name, type, column } of columns) {
        const value = row[name];
        if (type === 'text') column.push(typeof value === 'string' ? value : '');
        else column.push(Number(value ?? 0));
      }
      rows += 1;
    },
    get rows() {
      return rows;
    },
    finish: () =>
      arrowFile(
        columns.map(({ name, column }) => ({ name, data: column.data() })),
        rows,
      ),
  };
}

function arrowFile(columns: readonly { name: string; data: Data }[], length: number): Uint8Array {
  const fields = columns.map(({ name, data }) => new Field(name, data.type as never, false));
  const schema = new Schema(fields);
  const children = columns.map(({ data }) => data);
  const data = makeData({ type: new Struct(fields), length, nullCount: 0, children });
  return tableToIPC(new Table(schema, new RecordBatch(schema, data)), 'file');
}
