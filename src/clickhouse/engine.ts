import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ClickHouseClient, createClient } from '@clickhouse/client';
import { VamoError, isRunning, ownProcess, systemCode } from '../core/index.ts';

type ClientConnection = NonNullable<NonNullable<Parameters<typeof createClient>[0]>['connection']>;

/** SQL over an engine directory. Statements of one handle run one after another, off the event loop. */
export interface Engine {
  /**
   * Rows of a SELECT as plain objects; 64-bit integers come as numbers. `T` is the caller's word
   * for the shape its SQL selects.
   * @throws VamoError SQL_FAILED with the engine's message
   */
  query<T>(sql: string): Promise<T[]>;
  /**
   * Rows of a SELECT with the names and types of their columns.
   * @throws VamoError SQL_FAILED with the engine's message
   */
  table(sql: string): Promise<{
    readonly meta: readonly { readonly name: string; readonly type: string }[];
    readonly data: readonly Readonly<Record<string, unknown>>[];
  }>;
  /**
   * Runs a statement that gives no rows.
   * @throws VamoError SQL_FAILED with the engine's message, STORE_FULL
   */
  command(sql: string): Promise<void>;
  /** Lets go of the directory; the process can exit. Closing twice is fine. */
  close(): Promise<void>;
}

/** Why the engine package did not load: no build for this platform, or a broken install. */
function unavailable(cause: unknown): VamoError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new VamoError('ENGINE_UNAVAILABLE', `the embedded ClickHouse engine: ${reason}`, {
    cause,
  });
}

/** Tells a directory that another holds from one that cannot be opened at all. */
async function cannotOpen(directory: string, cause: unknown): Promise<VamoError> {
  const reason = firstLine(cause instanceof Error ? cause.message : String(cause));
  const details = { directory };
  if (reason.includes('only one active data directory'))
    return new VamoError('DATA_LOCKED', `this process has another engine directory open`, {
      details,
      mend: 'Close the engine on the other directory first.',
      cause,
    });
  const pid = await holderOf(directory);
  return pid === undefined
    ? new VamoError('STORE_IO', `cannot open ${directory}: ${reason}`, { details, cause })
    : new VamoError('DATA_LOCKED', `engine directory ${directory} is in use by process ${pid}`, {
        details: { ...details, pid },
        cause,
      });
}

/** The running process that the engine's own status file names. */
async function holderOf(directory: string): Promise<number | undefined> {
  const status = await readFile(join(directory, 'status'), 'utf8').catch(() => '');
  const pid = Number(/^PID: (\d+)/.exec(status)?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(pid)) return undefined;
  return isRunning({ pid, started: '', host: ownProcess().host }) ? pid : undefined;
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? text;

/** The engine's error number when a reservation finds the disk full. */
const NOT_ENOUGH_SPACE = '243';

function sqlFailed(cause: unknown, sql: string): VamoError {
  const message = cause instanceof Error ? cause.message : String(cause);
  const code = systemCode(cause);
  const full = code === NOT_ENOUGH_SPACE || message.includes('No space left on device');
  return new VamoError(full ? 'STORE_FULL' : 'SQL_FAILED', firstLine(message), {
    details: { code, sql },
    cause,
  });
}

/**
 * Opens the embedded ClickHouse engine on a directory, made if absent. A directory belongs to one
 * process at a time, and a process has one directory open at a time. Settings belong inside the
 * SQL (`SETTINGS ...`): those passed beside a call would stay for the whole session.
 * @throws VamoError ENGINE_UNAVAILABLE, DATA_LOCKED, STORE_IO
 */
export async function openEmbedded(directory: string): Promise<Engine> {
  const path = resolve(directory);
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw new VamoError('STORE_IO', `cannot make engine directory ${path}`, { cause });
  }
  const client = await connect(path);
  return {
    async query<T>(sql: string) {
      try {
        const result = await client.query({ query: bare(sql), format: 'JSONEachRow' });
        return await result.json<T>();
      } catch (cause) {
        throw sqlFailed(cause, sql);
      }
    },
    async table(sql) {
      try {
        const result = await client.query({ query: bare(sql), format: 'JSON' });
        const { meta = [], data } = await result.json<Record<string, unknown>>();
        return { meta, data };
      } catch (cause) {
        throw sqlFailed(cause, sql);
      }
    },
    async command(sql) {
      try {
        await client.command({ query: bare(sql) });
      } catch (cause) {
        throw sqlFailed(cause, sql);
      }
    },
    close: () => client.close(),
  };
}

/** The client appends a FORMAT clause, so a closing semicolon must go. */
const bare = (sql: string): string => sql.replace(/[\s;]+$/, '');

/** Loaded on first use: the library is large, and most commands never need it. */
async function loadPackages() {
  try {
    return await Promise.all([import('@clickhouse/client'), import('chdb/connection')]);
  } catch (cause) {
    throw unavailable(cause);
  }
}

async function connect(path: string): Promise<ClickHouseClient> {
  const [{ createClient }, { createChdbConnection }] = await loadPackages();
  try {
    // Both packages state the same connection contract, under different compiler flags.
    const connection = createChdbConnection({ path }) as unknown as ClientConnection;
    const client = createClient({ connection });
    const answer = await client.ping({ select: true });
    if (!answer.success) throw answer.error;
    return client;
  } catch (cause) {
    throw await cannotOpen(path, cause);
  }
}
