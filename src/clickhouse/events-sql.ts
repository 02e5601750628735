import { EVENT_COLUMNS, PROVENANCE_COLUMNS } from '../contracts/index.ts';
import { ARROW_OUTPUT, arrowFiles, columnList, identifier, integer } from './sql-text.ts';

const SEGMENT_COLUMNS = { ...EVENT_COLUMNS, ...PROVENANCE_COLUMNS };

/** The payload is what a producer wrote: a redelivery differs in arrival_ms alone. */
const PAYLOAD = Object.entries(EVENT_COLUMNS).filter(([name]) => name !== 'arrival_ms');

/**
 * Hex SHA-256 of an event's payload: its columns but arrival_ms, in the order of EVENT_COLUMNS, as
 * text (integers in decimal), each followed by a tab.
 */
const PAYLOAD_HASH = `SHA256(concat(${PAYLOAD.map(([name, type]) =>
  type === 'text' ? identifier(name) : `toString(${identifier(name)})`,
).join(", '\\t', ")}, '\\t'))`;

export interface EventsSql {
  /** Folder of the day's segments, `*.arrow`. */
  readonly segments: string;
  /** Folder that `events.arrow` is written to. */
  readonly output: string;
  /** Per source partition the first offset that no longer belongs to the day. */
  readonly cuts: readonly { readonly partition: number; readonly offset: bigint }[];
}

/** Rows of the day below their partition's cut, or from it on. */
function rowsOf({ segments, cuts }: EventsSql, side: '<' | '>='): string {
  const partitions = cuts.map((c) => integer(c.partition)).join(', ');
  const offsets = cuts.map((c) => integer(c.offset)).join(', ');
  return `${arrowFiles(segments, '*.arrow', SEGMENT_COLUMNS)}
    WHERE src_offset ${side} transform(src_partition, [${partitions}], [${offsets}], ${integer(0)})`;
}

/**
 * Writes `events.arrow`: of rows with equal (kind, event_id) the one with the smallest (arrival_ms,
 * payload hash), in canonical order.
 */
export function writeEvents(parts: EventsSql): string {
  const columns = columnList(EVENT_COLUMNS);
  return `INSERT INTO FUNCTION ${arrowFiles(parts.output, 'events.arrow', EVENT_COLUMNS)}
  SELECT ${columns} FROM (
    SELECT ${columns} FROM ${rowsOf(parts, '<')}
    ORDER BY kind, event_id, arrival_ms, ${PAYLOAD_HASH}
    LIMIT 1 BY kind, event_id
  )
  ORDER BY campaign_id, event_time, kind, event_id
  ${ARROW_OUTPUT}`;
}

export interface EventCounts {
  /** Rows below the cut, duplicates included. */
  readonly rows: number;
  readonly accepted: number;
  /** Rows beyond those accepted, counted id by id. */
  readonly duplicate: number;
  /** Rows at their partition's cut or after it. */
  readonly late: number;
  /** Ids that came with more than one payload. */
  readonly clashes: number;
}

/** Counts what `writeEvents` reads and keeps. */
export function countEvents(parts: EventsSql): string {
  return `WITH input AS (SELECT * FROM ${rowsOf(parts, '<')}),
    repeated AS (SELECT kind, event_id FROM input GROUP BY kind, event_id HAVING count() > 1)
  SELECT
    (SELECT count() FROM input) AS rows,
    (SELECT uniqExact(kind, event_id) FROM input) AS accepted,
    (SELECT sum(times - 1) FROM (
      SELECT count() AS times FROM input GROUP BY kind, event_id)) AS duplicate,
    (SELECT count() FROM ${rowsOf(parts, '>=')}) AS late,
    (SELECT count() FROM (
      SELECT kind, event_id FROM input WHERE (kind, event_id) IN repeated
      GROUP BY kind, event_id HAVING uniqExact(${PAYLOAD_HASH}) > 1)) AS clashes`;
}
