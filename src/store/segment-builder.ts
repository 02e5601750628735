import {
  type AuctionEvent,
  EVENT_COLUMNS,
  NUMBER_OF,
  PROVENANCE_COLUMNS,
  type ScannedOutcome,
  SPAN_OF,
} from '../contracts/index.ts';
import {
  type ColumnBuilder,
  encodeColumns,
  integerColumn,
  type TextColumn,
  textColumn,
} from './column-builder.ts';

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
  /** The same row as `push` makes of the outcome. */
  pushScanned(
    outcome: ScannedOutcome,
    arrivalMs: number,
    topic: string,
    partition: number,
    offset: number,
  ): void;
  readonly rows: number;
  /** The Arrow IPC file: EVENT_COLUMNS then PROVENANCE_COLUMNS, plain Utf8 and Int64, no nulls, uncompressed. */
  finish(): Uint8Array;
}

const LAYOUT = { ...EVENT_COLUMNS, ...PROVENANCE_COLUMNS };
type Layout = typeof LAYOUT;
type Columns = {
  readonly [C in keyof Layout]: Layout[C] extends 'text' ? TextColumn : ColumnBuilder<number>;
};

function newColumns(): Columns {
  return Object.fromEntries(
    Object.entries(LAYOUT).map(([name, type]) => [
      name,
      type === 'text' ? textColumn() : integerColumn(),
    ]),
  ) as unknown as Columns;
}

/** The fields of an event, each into its column. Written out: a loop over names costs six times as much. */
function setEvent(c: Columns, row: number, event: AuctionEvent): void {
  c.campaign_id.set(row, event.campaign_id);
  c.event_time.set(row, event.event_time);
  c.kind.set(row, event.kind);
  c.event_id.set(row, event.event_id);
  switch (event.kind) {
    case 'outcome':
      c.task.set(row, event.task);
      c.auction_id.set(row, event.auction_id);
      c.pv.set(row, event.pv);
      c.pv_sigma.set(row, event.pv_sigma);
      c.bid.set(row, event.bid);
      c.slot.set(row, event.slot);
      c.exposed.set(row, event.exposed ? 1 : 0);
      c.shown.set(row, event.shown);
      c.cost.set(row, event.cost);
      c.competing_1.set(row, event.competing_1);
      c.competing_2.set(row, event.competing_2);
      c.competing_3.set(row, event.competing_3);
      c.model_version.set(row, event.model_version);
      return;
    case 'campaign':
      c.advertiser_id.set(row, event.advertiser_id);
      c.task.set(row, event.task);
      c.budget.set(row, event.budget);
      c.status.set(row, event.status);
      c.cpa_limit.set(row, event.cpa_limit);
      return;
    case 'conversion':
      c.outcome_id.set(row, event.outcome_id);
      c.gmv.set(row, event.gmv);
      c.direct_gmv.set(row, event.direct_gmv);
      c.order_id.set(row, event.order_id);
      return;
    case 'cart':
      c.outcome_id.set(row, event.outcome_id);
      c.items.set(row, event.items);
      return;
  }
}

/** The same for an outcome that still lies in its bytes. */
function setScanned(c: Columns, row: number, { bytes, spans, numbers }: ScannedOutcome): void {
  const text = (column: TextColumn, at: number): void =>
    column.setBytes(row, bytes, spans[at] ?? 0, spans[at + 1] ?? 0);
  const number = (column: ColumnBuilder<number>, at: number): void =>
    column.set(row, numbers[at] ?? 0);
  c.kind.set(row, 'outcome');
  text(c.event_id, SPAN_OF.event_id);
  text(c.campaign_id, SPAN_OF.campaign_id);
  text(c.auction_id, SPAN_OF.auction_id);
  text(c.task, SPAN_OF.task);
  text(c.model_version, SPAN_OF.model_version);
  number(c.event_time, NUMBER_OF.event_time);
  number(c.pv, NUMBER_OF.pv);
  number(c.pv_sigma, NUMBER_OF.pv_sigma);
  number(c.bid, NUMBER_OF.bid);
  number(c.slot, NUMBER_OF.slot);
  number(c.exposed, NUMBER_OF.exposed);
  number(c.shown, NUMBER_OF.shown);
  number(c.cost, NUMBER_OF.cost);
  number(c.competing_1, NUMBER_OF.competing_1);
  number(c.competing_2, NUMBER_OF.competing_2);
  number(c.competing_3, NUMBER_OF.competing_3);
}

export function createSegmentBuilder(): SegmentBuilder {
  const columns = newColumns();
  let rows = 0;
  const place = (arrivalMs: number, topic: string, partition: number, offset: number): void => {
    columns.arrival_ms.set(rows, arrivalMs);
    columns.src_topic.set(rows, topic);
    columns.src_partition.set(rows, partition);
    columns.src_offset.set(rows, offset);
    rows += 1;
  };
  return {
    push(event, arrivalMs, topic, partition, offset) {
      setEvent(columns, rows, event);
      place(arrivalMs, topic, partition, offset);
    },
    pushScanned(outcome, arrivalMs, topic, partition, offset) {
      setScanned(columns, rows, outcome);
      place(arrivalMs, topic, partition, offset);
    },
    get rows() {
      return rows;
    },
    finish: () => encodeColumns(columns, rows),
  };
}
