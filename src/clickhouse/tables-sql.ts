import { EVENT_COLUMNS } from '../contracts/index.ts';
import type { DayKey } from '../core/index.ts';
import { STEPS_FILE_COLUMNS } from '../store/index.ts';
import { fingerprintOf } from './fingerprint-sql.ts';
import { createLive } from './live-sql.ts';
import { columnList, integer, literal, ONE_THREAD, structure } from './sql-text.ts';

/** The queryable tables, what fills them, and the order rows are kept in. */
export const TABLES = {
  events: { columns: EVENT_COLUMNS, order: '(campaign_id, event_time, kind, event_id)' },
  steps: { columns: STEPS_FILE_COLUMNS, order: '(campaign_id, step)' },
} as const;
export type TableName = keyof typeof TABLES;

/**
 * The tables a day is loaded into, made if absent. `loaded` remembers which generation of a day
 * stands in them; it is written last.
 */
export function createTables(): string[] {
  const derived = Object.entries(TABLES).flatMap(([name, { columns, order }]) =>
    [name, stageOf(name)].map(
      (table) => `CREATE TABLE IF NOT EXISTS ${table} (day Date, ${structure(columns)})
  ENGINE = MergeTree PARTITION BY day ORDER BY ${order}`,
    ),
  );
  const loaded = `CREATE TABLE IF NOT EXISTS loaded
  (day Date, generation Int64, digest String, rows Int64)
  ENGINE = MergeTree ORDER BY day`;
  return [...derived, loaded, ...createLive()];
}

/** Takes away everything that `createTables` makes. */
export function dropTables(): string[] {
  const tables = Object.keys(TABLES).flatMap((name) => [name, stageOf(name)]);
  return [
    'DROP VIEW IF EXISTS events_now',
    ...[...tables, 'loaded', 'events_live'].map((table) => `DROP TABLE IF EXISTS ${table}`),
  ];
}

const stageOf = (table: string): string => `${table}_stage`;

/** Empties the stage of a table of whatever a dead process left there. */
export function emptyStage(table: TableName): string {
  return `TRUNCATE TABLE ${stageOf(table)}`;
}

/** Fills the stage of a table with a day's sealed file; for `Engine.load`. */
export function stageDay(table: TableName, day: DayKey): (source: string) => string {
  const names = columnList(TABLES[table].columns);
  return (source) => `INSERT INTO ${stageOf(table)} (day, ${names}) ${ONE_THREAD}
  SELECT toDate(${literal(day)}) AS day, ${names} FROM ${source}`;
}

/** One row, `rows`: how many rows the stage of a table says it holds. */
export function countStage(table: TableName): string {
  return `SELECT count() AS rows FROM ${stageOf(table)}`;
}

/**
 * A row for each part of a table's stage, or one for all: `is_passed` or `result` is 1 where the files
 * on disk are those that the engine meant to write, read in full against its checksums.
 */
export function checkStage(table: TableName): string {
  return `CHECK TABLE ${stageOf(table)}`;
}

/** One row, `Fingerprint`: what a table holds of a day. */
export function dayFingerprint(table: TableName, day: DayKey): string {
  return `SELECT ${fingerprintOf(TABLES[table].columns)} FROM ${table} WHERE day = ${literal(day)}`;
}

/** Puts the stage in place of a day: readers see the old day or the new one. */
export function placeDay(table: TableName, day: DayKey): string {
  return `ALTER TABLE ${table} REPLACE PARTITION ${literal(day)} FROM ${stageOf(table)}`;
}

/** One row, `rows`: how many rows of a day a table holds. */
export function countDay(table: TableName, day: DayKey): string {
  return `SELECT count() AS rows FROM ${table} WHERE day = ${literal(day)}`;
}

export interface LoadedMark {
  readonly day: DayKey;
  readonly generation: number;
  readonly digest: string;
  readonly rows: number;
}

/** One row, `present`: whether the newest mark of the day is this one. */
export function isLoaded({ day, generation, digest }: LoadedMark): string {
  return `SELECT count() AS present FROM loaded WHERE day = ${literal(day)}
  AND generation = ${integer(generation)} AND digest = ${literal(digest)}`;
}

/** Forgets what was loaded of a day; precedes a change, so that a crash leaves no false mark. */
export function unmarkLoaded(day: DayKey): string {
  return `DELETE FROM loaded WHERE day = ${literal(day)}`;
}

export function markLoaded({ day, generation, digest, rows }: LoadedMark): string {
  return `INSERT INTO loaded VALUES
  (toDate(${literal(day)}), ${integer(generation)}, ${literal(digest)}, ${integer(rows)})`;
}
