import type { DayKey } from '../core/index.ts';
import { literal } from './sql-text.ts';
import { TABLES, type TableName } from './tables-sql.ts';

/**
 * Rows of `day` and `generation`: every day of which the tables hold something, and what they were
 * loaded from; generation 0 where nothing says so.
 */
export function copiedDays(): string {
  const held = Object.keys(TABLES).map((table) => `SELECT DISTINCT day, 0 FROM ${table}`);
  return `SELECT toString(day) AS day, max(generation) AS generation
  FROM (${['SELECT day, generation FROM loaded', ...held].join(' UNION ALL ')})
  GROUP BY day ORDER BY day`;
}

/** Takes a day out of a table. */
export const dropDay = (table: TableName, day: DayKey): string =>
  `ALTER TABLE ${table} DROP PARTITION ${literal(day)}`;
