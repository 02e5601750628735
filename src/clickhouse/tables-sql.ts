import { EVENT_COLUMNS } from '../contracts/index.ts';
import type { DayKey } from '../core/index.ts';
import { STEPS_FILE_COLUMNS } from '../store/index.ts';
import { fingerprintOf } from './fingerprint-sql.ts';
import { createLive } from './live-sql.ts';
import { columnList, identifier, integer, literal, ONE_THREAD, structure } from './sql-text.ts';

/** The tables of sealed days, what fills them, and the order rows are kept in. */
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
  const sealed = (Object.keys(TABLES) as TableName[]).map(
    (table) => `CREATE TABLE IF NOT EXISTS ${table} ${layoutOf(table)}`,
  );
  const loaded = `CREATE TABLE IF NOT EXISTS loaded
  (day Date, generation Int64, digest String, rows Int64)
  ENGINE = MergeTree ORDER BY day`;
  return [...sealed, loaded, ...createLive()];
}

function layoutOf(table: TableName): string {
  const { columns, order } = TABLES[table];
  return `(day Date, ${structure(columns)})
  ENGINE = MergeTree PARTITION BY day ORDER BY ${order}`;
}

/**
 * Takes away everything that `createTables` makes, and stages; whose copy it is stays.
 * @param stages as `LIST_STAGES` names them
 */
export function dropTables(stages: readonly string[]): string[] {
  const tables = [...Object.keys(TABLES), ...stages.map(identifier), 'loaded', 'events_live'];
  return [
    'DROP VIEW IF EXISTS events_now',
    ...tables.map((table) => `DROP TABLE IF EXISTS ${table}`),
  ];
}

/** Rows, `name`: the stages there are, those of loaders that died too. */
export const LIST_STAGES = `SELECT name FROM system.tables
  WHERE database = currentDatabase() AND match(name, '^(events|steps)_stage(_[0-9a-z]+)?$')`;

/**
 * Where a loader puts a day together before it is placed. Loaders on several hosts have stages of their
 * own: in one they would mix their rows.
 */
export interface Stage {
  readonly table: TableName;
  /** Digits and letters. */
  readonly loader: string;
}

const stageOf = ({ table, loader }: Stage): string => identifier(`${table}_stage_${loader}`);

/** Takes a stage away with its files, once nothing writes to it any more. */
export function dropStage(stage: Stage): string {
  return `DROP TABLE IF EXISTS ${stageOf(stage)} SYNC`;
}

/** A fresh stage: what a dead process of the loader left there goes, and what it still inserts. */
export function createStage(stage: Stage): string[] {
  return [dropStage(stage), `CREATE TABLE ${stageOf(stage)} ${layoutOf(stage.table)}`];
}

/** Fills a stage with a day's sealed file; for `Engine.load`. */
export function stageDay(stage: Stage, day: DayKey): (source: string) => string {
  const names = columnList(TABLES[stage.table].columns);
  return (source) => `INSERT INTO ${stageOf(stage)} (day, ${names}) ${ONE_THREAD}
  SELECT toDate(${literal(day)}) AS day, ${names} FROM ${source}`;
}

/** One row, `rows`: how many rows a stage says it holds. */
export function countStage(stage: Stage): string {
  return `SELECT count() AS rows FROM ${stageOf(stage)}`;
}

/**
 * A row for each part of a stage, or one for all: `is_passed` or `result` is 1 where the files on disk
 * are those that the engine meant to write, read in full against its checksums.
 */
export function checkStage(stage: Stage): string {
  return `CHECK TABLE ${stageOf(stage)}`;
}

/** One row, `Fingerprint`: what a table holds of a day. */
export function dayFingerprint(table: TableName, day: DayKey): string {
  return `SELECT ${fingerprintOf(TABLES[table].columns)} FROM ${table} WHERE day = ${literal(day)}`;
}

/**
 * Puts a stage in place of a day: readers see the old day or the new one. A stage without rows is
 * refused by the engine: then the day is to be dropped (`dropDay`).
 */
export function placeDay(stage: Stage, day: DayKey): string {
  return `ALTER TABLE ${stage.table} REPLACE PARTITION ${literal(day)} FROM ${stageOf(stage)}`;
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

/** Rows of `generation` and `digest`: the marks of a day. Those of several generations tell nothing. */
export function marksOf(day: DayKey): string {
  return `SELECT DISTINCT generation, digest FROM loaded WHERE day = ${literal(day)}`;
}

/** Forgets what was loaded of a day; precedes a change, so that a crash leaves no false mark. */
export function unmarkLoaded(day: DayKey): string {
  return `DELETE FROM loaded WHERE day = ${literal(day)}`;
}

export function markLoaded({ day, generation, digest, rows }: LoadedMark): string {
  return `INSERT INTO loaded VALUES
  (toDate(${literal(day)}), ${integer(generation)}, ${literal(digest)}, ${integer(rows)})`;
}
