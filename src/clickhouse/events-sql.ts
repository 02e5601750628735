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

/** Where a live row stands to its partition's range; one of another partition is late. */
const BELOW = 0;
const IN = 1;
const LATE = 2;

function sideOf(ranges: readonly OffsetRange[]): string {
  const partitions = ranges.map((r) => integer(r.partition)).join(', ');
  const bound = (end: 'from' | 'to'): string => {
    const offsets = ranges.map((r) => integer(r[end])).join(', ');
    return `transform(src_partition, [${partitions}], [${offsets}], ${integer(0)})`;
  };
  return `multiIf(src_offset < ${bound('from')}, ${BELOW}, src_offset >= ${bound('to')}, ${LATE}, ${IN})`;
}

/** The events of all sources, duplicates included. */
export function eventRows(sources: readonly RowSource[]): string {
  const columns = columnList(EVENT_COLUMNS);
  return sources
    .map(({ folder, ranges }) =>
      ranges === undefined
        ? `SELECT ${columns} FROM ${arrowFiles(folder, '*.arrow', EVENT_COLUMNS)}`
        : `SELECT ${columns} FROM ${liveRows(folder)} WHERE ${sideOf(ranges)} = ${IN}`,
    )
    .join('\n    UNION ALL ');
}

const liveRows = (folder: string): string => arrowFiles(folder, '*.arrow', SEGMENT_COLUMNS);

/** A number for what makes two rows one event: grouping by texts takes seven times as long. */
const IDENTITY = 'reinterpretAsInt64(cityHash64(kind, event_id))';

/** Identities that several rows have: all ids that come twice, and rarely two that only look alike. */
const suspectsIn = (rows: string): string =>
  `SELECT ${IDENTITY} AS identity FROM (${rows}) GROUP BY identity HAVING count() > 1`;

const suspectsFile = (output: string): string =>
  arrowFiles(output, 'suspects.arrow', { identity: 'int64' });

/** Writes `suspects.arrow`: one row for each identity that several rows have. */
export function writeSuspects({ sources, output }: EventsSql): string {
  return `INSERT INTO FUNCTION ${suspectsFile(output)}
  ${suspectsIn(eventRows(sources))}
  ${ARROW_OUTPUT}`;
}

/** One row, `suspects`: how many there are. */
export function countSuspects({ output }: Pick<EventsSql, 'output'>): string {
  return `SELECT count() AS suspects FROM ${suspectsFile(output)}`;
}

/**
 * Of rows with equal (kind, event_id) the one with the smallest (arrival_ms, payload hash). Few ids
 * come twice, and only they are sorted and hashed.
 */
export function winners(rows: string, suspects = suspectsIn(rows)): string {
  const columns = columnList(EVENT_COLUMNS);
  return `SELECT ${columns} FROM (${rows}) WHERE ${IDENTITY} NOT IN (${suspects})
    UNION ALL SELECT ${columns} FROM (
      SELECT ${columns} FROM (${rows}) WHERE ${IDENTITY} IN (${suspects})
      ORDER BY kind, event_id, arrival_ms, ${PAYLOAD_HASH}
      LIMIT 1 BY kind, event_id
    )`;
}

/** Sorting beyond this goes by way of the disk: 10 million rows are then sorted within 1.2 GB. */
const SORT_BYTES = 400_000_000;

/**
 * Writes `events.arrow`: the winners among all rows, in canonical order.
 * @param repeats whether `suspects.arrow` has rows; without any, all rows are winners and read once
 */
export function writeEvents({ sources, output }: EventsSql, repeats: boolean): string {
  const rows = eventRows(sources);
  const suspects = `SELECT identity FROM ${suspectsFile(output)}`;
  return `INSERT INTO FUNCTION ${arrowFiles(output, 'events.arrow', EVENT_COLUMNS)}
  SELECT ${columnList(EVENT_COLUMNS)} FROM (
    ${repeats ? winners(rows, suspects) : rows}
  )
  ORDER BY campaign_id, event_time, kind, event_id
  ${ARROW_OUTPUT}, max_bytes_before_external_sort = ${SORT_BYTES}, max_bytes_ratio_before_external_sort = 0`;
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
export function countEvents({ sources, output }: EventsSql, repeats: boolean): string {
  const sides = sources.map(({ folder, ranges }) =>
    ranges === undefined
      ? `SELECT toUInt8(${IN}) AS side FROM ${arrowFiles(folder, '*.arrow', EVENT_COLUMNS)}`
      : `SELECT toUInt8(${sideOf(ranges)}) AS side FROM ${liveRows(folder)}`,
  );
  const repeated = repeats
    ? `SELECT sum(times - 1) AS duplicate, countIf(payloads > 1) AS clashes FROM (
      SELECT count() AS times, uniqExact(${PAYLOAD_HASH}) AS payloads
      FROM (${eventRows(sources)})
      WHERE ${IDENTITY} IN (SELECT identity FROM ${suspectsFile(output)})
      GROUP BY kind, event_id)`
    : 'SELECT 0 AS duplicate, 0 AS clashes';
  return `SELECT rows, late, below, accepted, duplicate, clashes FROM (
    SELECT countIf(side = ${IN}) AS rows, countIf(side = ${LATE}) AS late, countIf(side = ${BELOW}) AS below
    FROM (${sides.join(' UNION ALL ')})) AS seen
  CROSS JOIN (
    SELECT count() AS accepted FROM ${arrowFiles(output, 'events.arrow', EVENT_COLUMNS)}) AS kept
  CROSS JOIN (${repeated}) AS repeated`;
}
