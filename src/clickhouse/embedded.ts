import { mkdir, readFile } from 'node:fs/promises';
import { dirname, basename, join, resolve } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { VamoError, isRunning, ownProcess } from '../core/index.ts';
import { type ClientConnection, type Engine, bare, firstLine, sqlFailed } from './engine.ts';
import { arrowFiles, columnList } from './sql-text.ts';

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
  // Who held it may have ended since.
  if (pid === undefined && !reason.includes('Another server instance'))
    return new VamoError('STORE_IO', `cannot open ${directory}: ${reason}`, { details, cause });
  const holder = pid === undefined ? 'another process' : `process ${pid}`;
  return new VamoError('DATA_LOCKED', `engine directory ${directory} is in use by ${holder}`, {
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
  // Nothing asks for the columns' statistics, and they cost an insert a tenth of its time.
  await client.command({ query: 'SET materialize_statistics_on_insert = 0' });
  // Files mapped into memory count as memory of the process: those of 10 million rows are 2.5 GB.
  await client.command({ query: `SET storage_file_read_method = 'pread'` });
  let reader: Promise<ClickHouseClient> | undefined;

  async function command(sql: string): Promise<void> {
    try {
      await client.command({ query: bare(sql) });
    } catch (cause) {
      throw sqlFailed(cause, sql);
    }
  }

  return {
    async query<T>(sql: string) {
      try {
        const result = await client.query({ query: bare(sql), format: 'JSONEachRow' });
        return await result.json<T>();
      } catch (cause) {
        throw sqlFailed(cause, sql);
      }
    },
    async ask(sql) {
      try {
        reader ??= openReader(path);
        const result = await (await reader).query({ query: bare(sql), format: 'JSON' });
        const { meta = [], data } = await result.json<Record<string, unknown>>();
        return { meta, data };
      } catch (cause) {
        throw sqlFailed(cause, sql);
      }
    },
    command,
    load: (files, insert) => command(insert(localArrow(files))),
    async close() {
      await (await reader)?.close();
      await client.close();
    },
  };
}

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

/** A second connection on the directory, with a session of its own in which nothing can be changed. */
async function openReader(path: string): Promise<ClickHouseClient> {
  const client = await connect(path);
  // Together with `readonly` these can be set only once.
  await client.command({
    query: 'SET output_format_json_quote_64bit_integers = 1, readonly = 1',
  });
  return client;
}

/** The rows of files that the engine can open, as a table expression. */
export function localArrow({ paths, columns }: Parameters<Engine['load']>[0]): string {
  const folders = new Map<string, string[]>();
  for (const path of paths.map((one) => resolve(one)))
    folders.set(dirname(path), [...(folders.get(dirname(path)) ?? []), basename(path)]);
  const tables = [...folders].map(([folder, names]) =>
    arrowFiles(folder, names.length > 1 ? `{${names.join()}}` : names.join(), columns),
  );
  if (tables.length === 1) return tables.join();
  return `(${tables.map((table) => `SELECT ${columnList(columns)} FROM ${table}`).join(' UNION ALL ')})`;
}
