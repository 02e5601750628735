import { EVENT_COLUMNS } from '../contracts/index.ts';
import { SEGMENT_COLUMNS } from './live-sql.ts';
import { ARROW_OUTPUT, arrowFiles, columnList, identifier, integer } from './sql-text.ts';

/** The payload is what a producer wrote: a redelivery differs in arrival_ms alone. */
const PAYLOAD = Object.entries(EVENT_COLUMNS).filter(([name]) => name !== 'arrival_ms');

/**
 * Hex SHA-256 of an event's payload: its columns but arrival_ms, in the order of EVENT_COLUMNS, as
 * text (integers in decimal), each followed by a tab.
 */
const PAYLOAD_HASH = `SHA256(concat(${PAYLOAD.map(([name, type]) =>
  type === 'text' ? identifier(name) : `toString(${identifier(name)})`,
).join(", '\\t', ")}, '\\t'))`;

/** The offsets of one live partition that are taken in: [from, to). */
export interface OffsetRange {
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/** A folder of Arrow files `*.arrow`: all their rows, or of live segments those in the ranges. */
export interface RowSource {
  readonly folder: string;
  readonly ranges?: readonly OffsetRange[];
}

export interface EventsSql {
  readonly sources: readonly RowSource[];
  /** Folder that `events.arrow` is written to. */
  readonly output: string;
}

/** Which live rows: those taken in, those from the end of the range on, those before it. */
type Side = 'in' | 'late' | 'below';

function inRange(ranges: readonly OffsetRange[], side: Side): string {
  const partitions = ranges.map((r) => integer(r.partition)).join(', ');
  const bound = (end: 'from' | 'to'): string => {
    const offsets = ranges.map((r) => integer(r[end])).join(', ');
    return `transform(src_partition, [${partitions}], [${offsets}], ${integer(0)})`;
  };
  if (side === 'late') return `src_offset >= ${bound('to')}`;
  if (side === 'below') return `src_offset < ${bound('from')}`;
  return `src_offset >= ${bound('from')} AND src_offset < ${bound('to')}`;
}

/** The events of all sources, duplicates included. */
export function eventRows(sources: readonly RowSource[]): string {
  const columns = columnList(EVENT_COLUMNS);
  return sources
    .map(({ folder, ranges }) =>
      ranges === undefined
        ? `SELECT ${columns} FROM ${arrowFiles(folder, '*.arrow', EVENT_COLUMNS)}`
        : `SELECT ${columns} FROM ${liveRows(folder)} WHERE ${inRange(ranges, 'in')}`,
    )
    .join('\n    UNION ALL ');
}

const liveRows = (folder: string): string => arrowFiles(folder, '*.arrow', SEGMENT_COLUMNS);

/**
 * Of rows with equal (kind, event_id) the one with the smallest (arrival_ms, payload hash). Few ids
 * come twice, and only they are sorted and hashed: that takes a third of the time.
 */
export function winners(rows: string): string {
  const columns = columnList(EVENT_COLUMNS);
  const repeated = `SELECT kind, event_id FROM (${rows}) GROUP BY kind, event_id HAVING count() > 1`;
  return `SELECT ${columns} FROM (${rows}) WHERE (kind, event_id) NOT IN (${repeated})
    UNION ALL SELECT ${columns} FROM (
      SELECT ${columns} FROM (${rows}) WHERE (kind, event_id) IN (${repeated})
      ORDER BY kind, event_id, arrival_ms, ${PAYLOAD_HASH}
      LIMIT 1 BY kind, event_id
    )`;
}

/** Writes `events.arrow`: the winners among all rows, in canonical order. */
export function writeEvents(parts: EventsSql): string {
  return `INSERT INTO FUNCTION ${arrowFiles(parts.output, 'events.arrow', EVENT_COLUMNS)}
  SELECT ${columnList(EVENT_COLUMNS)} FROM (
    ${winners(eventRows(parts.sources))}
  )
  ORDER BY campaign_id, event_time, kind, event_id
  ${ARROW_OUTPUT}`;
}

export interface EventCounts {
  /** Rows taken in, duplicates included. */
  readonly rows: number;
  /** Rows of the file that was written. */
  readonly accepted: number;
  /** Rows beyond those accepted, counted id by id. */
  readonly duplicate: number;
  /** Live rows at the end of their partition's range or after it. */
  readonly late: number;
  /** Live rows before their partition's range: an earlier generation took them in. */
  readonly below: number;
  /** Ids that came with more than one payload. */
  readonly clashes: number;
}

/** Counts what `writeEvents` reads and keeps. */
export function countEvents({ sources, output }: EventsSql): string {
  const outside = (side: Side): string => {
    const counts = sources.flatMap(({ folder, ranges }) =>
      ranges === undefined
        ? []
        : [`(SELECT count() FROM ${liveRows(folder)} WHERE ${inRange(ranges, side)})`],
    );
    return counts.length === 0 ? '0' : counts.join(' + ');
  };
  return `WITH input AS (${eventRows(sources)}),
    repeated AS (SELECT kind, event_id FROM input GROUP BY kind, event_id HAVING count() > 1)
  SELECT
    (SELECT count() FROM input) AS rows,
    (SELECT count() FROM ${arrowFiles(output, 'events.arrow', EVENT_COLUMNS)}) AS accepted,
    (SELECT sum(times - 1) FROM (
      SELECT count() AS times FROM input GROUP BY kind, event_id)) AS duplicate,
    ${outside('late')} AS late,
    ${outside('below')} AS below,
    (SELECT count() FROM (
      SELECT kind, event_id FROM input WHERE (kind, event_id) IN repeated
      GROUP BY kind, event_id HAVING uniqExact(${PAYLOAD_HASH}) > 1)) AS clashes`;
}
