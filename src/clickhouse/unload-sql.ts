import type { DayKey } from '../core/index.ts';
import { literal } from './sql-text.ts';
import type { TableName } from './tables-sql.ts';

/** Rows of `day`: the days that are marked as loaded. */
export const loadedDays = (): string => 'SELECT DISTINCT toString(day) AS day FROM loaded';

/** Takes a day out of a table. */
export const dropDay = (table: TableName, day: DayKey): string =>
  `ALTER TABLE ${table} DROP PARTITION ${literal(day)}`;
