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
  /** Memory held by the rows, and by the room for more. */
  readonly bytes: number;
  /** Forgets the rows and keeps their memory for others. */
  clear(): void;
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

const OUTCOME = Buffer.from('outcome');

function setText(
  column: TextColumn,
  row: number,
  { bytes, spans }: ScannedOutcome,
  at: number,
): void {
  const from = spans[at] ?? 0;
  const to = spans[at + 1] ?? 0;
  if (to > from) column.setBytes(row, bytes, from, to);
}

/** The same for an outcome that still lies in its bytes. */
function setScanned(c: Columns, row: number, outcome: ScannedOutcome): void {
  const { numbers } = outcome;
  c.kind.setBytes(row, OUTCOME, 0, OUTCOME.length);
  setText(c.event_id, row, outcome, SPAN_OF.event_id);
  setText(c.campaign_id, row, outcome, SPAN_OF.campaign_id);
  setText(c.auction_id, row, outcome, SPAN_OF.auction_id);
  setText(c.task, row, outcome, SPAN_OF.task);
  setText(c.model_version, row, outcome, SPAN_OF.model_version);
  c.event_time.set(row, numbers[NUMBER_OF.event_time] ?? 0);
  c.pv.set(row, numbers[NUMBER_OF.pv] ?? 0);
  c.pv_sigma.set(row, numbers[NUMBER_OF.pv_sigma] ?? 0);
  c.bid.set(row, numbers[NUMBER_OF.bid] ?? 0);
  c.slot.set(row, numbers[NUMBER_OF.slot] ?? 0);
  c.exposed.set(row, numbers[NUMBER_OF.exposed] ?? 0);
  c.shown.set(row, numbers[NUMBER_OF.shown] ?? 0);
  c.cost.set(row, numbers[NUMBER_OF.cost] ?? 0);
  c.competing_1.set(row, numbers[NUMBER_OF.competing_1] ?? 0);
  c.competing_2.set(row, numbers[NUMBER_OF.competing_2] ?? 0);
  c.competing_3.set(row, numbers[NUMBER_OF.competing_3] ?? 0);
}

export function createSegmentBuilder(): SegmentBuilder {
  const columns = newColumns();
  const all = Object.values(columns);
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
    get bytes() {
      return all.reduce((sum, column) => sum + column.bytes, 0);
    },
    clear() {
      for (const column of all) column.clear();
      rows = 0;
    },
    finish: () => encodeColumns(columns, rows),
  };
}
