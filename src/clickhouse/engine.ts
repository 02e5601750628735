import type { createClient } from '@clickhouse/client';
import { VamoError, systemCode } from '../core/index.ts';
import type { ColumnTypes } from './sql-text.ts';

/** Rows with the names and types of their columns. */
interface Table {
  readonly meta: readonly { readonly name: string; readonly type: string }[];
  readonly data: readonly Readonly<Record<string, unknown>>[];
}

/** SQL: an engine directory of this process, the front over another process's, or a server. */
export interface Engine {
  /**
   * Rows of a SELECT as plain objects; 64-bit integers come as numbers. `T` is the caller's word
   * for the shape its SQL selects.
   * @throws VamoError SQL_FAILED with the engine's message, SQL_UNREACHABLE
   */
  query<T>(sql: string): Promise<T[]>;
  /**
   * Rows of a SELECT that can change nothing; 64-bit integers come as text.
   * @throws VamoError SQL_FAILED also when it would write or read files, SQL_UNREACHABLE
   */
  ask(sql: string): Promise<Table>;
  /**
   * Runs a statement that gives no rows.
   * @throws VamoError SQL_FAILED with the engine's message, STORE_FULL, SQL_UNREACHABLE
   */
  command(sql: string): Promise<void>;
  /**
   * Runs an INSERT that selects from Arrow files of this machine: one statement for all of them where
   * the engine can open files, else one for each, whose bytes are streamed there.
   * @param insert the statement, given the table expression that stands for the rows; it must end with it
   * @throws VamoError SQL_FAILED, STORE_FULL, STORE_IO, SQL_UNREACHABLE
   */
  load(
    files: { readonly paths: readonly string[]; readonly columns: ColumnTypes },
    insert: (source: string) => string,
  ): Promise<void>;
  /** Lets go of it; the process can exit. Closing twice is fine. */
  close(): Promise<void>;
}

export const firstLine = (text: string): string => text.split('\n', 1)[0] ?? text;

/** The engine's error number when a reservation finds the disk full. */
const NOT_ENOUGH_SPACE = '243';

/** What the engine said, as an error of ours. */
export function sqlFailed(cause: unknown, sql: string): VamoError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = systemCode(cause);
  const full = code === NOT_ENOUGH_SPACE || message.includes('No space left on device');
  return new VamoError(full ? 'STORE_FULL' : 'SQL_FAILED', firstLine(message), {
    details: { code, sql },
    cause,
  });
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EHOSTUNREACH', 'EPIPE']);

/** The same of an engine over the network, which may not answer at all. */
export function requestFailed(cause: unknown, sql: string, url: string): VamoError {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (!UNREACHABLE.has(systemCode(cause) ?? '') && !/timeout|socket hang up/i.test(message))
    return sqlFailed(cause, sql);
  return new VamoError('SQL_UNREACHABLE', `ClickHouse at ${url}: ${firstLine(message)}`, {
    details: { url },
    cause,
  });
}

/** The client appends a FORMAT clause, so a closing semicolon must go. */
export const bare = (sql: string): string => sql.replace(/[\s;]+$/, '');

/** The client's connection contract, which the embedded engine implements. */
export type ClientConnection = NonNullable<
  NonNullable<Parameters<typeof createClient>[0]>['connection']
>;
