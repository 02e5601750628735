import { EVENT_COLUMNS, PROVENANCE_COLUMNS } from '../contracts/index.ts';
import type { DayKey } from '../core/index.ts';
import { columnList, integer, literal, ONE_THREAD, structure } from './sql-text.ts';

/** The columns of a segment: events with where each was read. */
export const SEGMENT_COLUMNS = { ...EVENT_COLUMNS, ...PROVENANCE_COLUMNS };

/** Rows of one committed segment: a day of an offset range of a source partition. */
export interface LiveRange {
  readonly day: DayKey;
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * `events_live` holds the committed segments of days not sealed yet, `events_now` is both together:
 * sealed days, and the others with `provisional` = 1 (duplicates not removed, more to come). A day
 * changes from one to the other in the moment its sealed rows are put in place. Parts are compact: a
 * file a column would cost a small segment more than its rows do.
 */
export function createLive(): string[] {
  const names = columnList(EVENT_COLUMNS);
  return [
    `CREATE TABLE IF NOT EXISTS events_live (day Date, ${structure(SEGMENT_COLUMNS)})
  ENGINE = MergeTree PARTITION BY day ORDER BY (src_topic, src_partition, src_offset)
  SETTINGS min_bytes_for_wide_part = 1000000000`,
    `CREATE VIEW IF NOT EXISTS events_now AS
  SELECT day, ${names}, 0 AS provisional FROM events
  UNION ALL
  SELECT day, ${names}, 1 AS provisional FROM events_live
  WHERE day NOT IN (SELECT day FROM events GROUP BY day)`,
  ];
}

/**
 * Makes loading cheaper where the engine knows how, newer ones do: fewer and wider merges, and none of
 * its statistics of columns. Segments stand here for a day, and merging them would cost as much as loading.
 */
export const TUNE_LIVE = `ALTER TABLE events_live
  MODIFY SETTING merge_selector_base = 20, auto_statistics_types = ''`;

/** Segments of one day: those of one statement become one part, of which all is there or nothing. */
export function loadSegments(day: DayKey): (source: string) => string {
  const names = columnList(SEGMENT_COLUMNS);
  return (source) => `INSERT INTO events_live (day, ${names}) ${ONE_THREAD}
  SELECT toDate(${literal(day)}) AS day, ${names} FROM ${source}`;
}

const partitionIs = ({ day, topic, partition }: Omit<LiveRange, 'from' | 'to'>): string =>
  `day = ${literal(day)} AND src_topic = ${literal(topic)} AND src_partition = ${integer(partition)}`;

const rangeIs = (range: LiveRange): string =>
  `${partitionIs(range)} AND src_offset >= ${integer(range.from)} AND src_offset < ${integer(range.to)}`;

/** Rows, `from` and `rows`: how many rows are there of each of a partition's ranges, if any. */
export function countSegments(ranges: readonly [LiveRange, ...LiveRange[]]): string {
  // Ends are bounds too: what lies between two ranges is counted with neither.
  const bounds = [...new Set(ranges.flatMap(({ from, to }) => [from, to]))];
  const list = bounds.sort((a, b) => (a < b ? -1 : 1)).map((bound) => integer(bound));
  return `SELECT toString(roundDown(src_offset, [${list.join(', ')}])) AS from, count() AS rows
  FROM events_live WHERE ${partitionIs(ranges[0])} AND src_offset >= ${list[0] ?? '0'} GROUP BY from`;
}

/** One row, `running`: statements at work that put segments in, also those nobody waits for any more. */
export const COUNT_RUNNING_LOADS = `SELECT count() AS running FROM system.processes
  WHERE current_database = currentDatabase() AND startsWith(query, 'INSERT INTO events_live ')`;

/** Takes out what a torn load left of a segment. */
export function removeSegment(range: LiveRange): string {
  return `DELETE FROM events_live WHERE ${rangeIs(range)}`;
}

/** Takes a day out of `events_live`: its sealed rows stand in `events`. */
export function dropLiveDay(day: DayKey): string {
  return `ALTER TABLE events_live DROP PARTITION ${literal(day)}`;
}

/** One row, `rows`: how many rows of open days are loaded. */
export const COUNT_OPEN_ROWS = 'SELECT count() AS rows FROM events_now WHERE provisional = 1';

/** Rows, `day`: the days of which segments are loaded. */
export const LIVE_DAYS = 'SELECT toString(day) AS day FROM events_live GROUP BY day';
