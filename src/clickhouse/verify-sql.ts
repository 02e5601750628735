import { basename, dirname, resolve } from 'node:path';
import type { DayKey } from '../core/index.ts';
import { arrowFiles, columnList, literal } from './sql-text.ts';
import { TABLES, type TableName } from './tables-sql.ts';

/** What a set of rows holds, whatever their order: every value of every column counts. */
export interface Checksum {
  readonly rows: number;
  /** Sum of the rows' hashes, decimal. */
  readonly hash: string;
}

const checksum = (table: TableName): string =>
  `count() AS rows, toString(sum(cityHash64(${columnList(TABLES[table].columns)}))) AS hash`;

/** One row, `Checksum`: a day in a table. */
export function tableChecksum(table: TableName, day: DayKey): string {
  return `SELECT ${checksum(table)} FROM ${table} WHERE day = ${literal(day)}`;
}

/** One row, `Checksum`: a sealed file of the day. */
export function fileChecksum(table: TableName, path: string): string {
  const file = resolve(path);
  return `SELECT ${checksum(table)}
  FROM ${arrowFiles(dirname(file), basename(file), TABLES[table].columns)}`;
}
