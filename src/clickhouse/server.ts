import { createReadStream } from 'node:fs';
import type { ClickHouseClient } from '@clickhouse/client';
import { storeError } from '../store/index.ts';
import { localArrow } from './embedded.ts';
import { type Engine, bare, requestFailed } from './engine.ts';
import { literal, structure } from './sql-text.ts';

export interface ServerAddress {
  /** `http://HOST:PORT` or `https://...`, without user and password. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: string | undefined;
  /** It runs on this machine and may open any file: loads name the file and send nothing. */
  readonly readsFiles?: boolean;
}

/** A day of events is streamed in one request. */
const REQUEST_MS = 60 * 60_000;

/**
 * A ClickHouse server, or the front over another process's engine. Settings go with every request as
 * parameters of its address and stay for no other.
 * @throws VamoError SQL_UNREACHABLE, SQL_FAILED when it refuses user or password
 */
export async function openServer(address: ServerAddress): Promise<Engine> {
  const { url, readsFiles = false } = address;
  const { createClient } = await import('@clickhouse/client');
  const open = (settings: Readonly<Record<string, string>>): ClickHouseClient =>
    createClient({
      url,
      username: address.user ?? 'default',
      password: address.password ?? '',
      database: address.database ?? 'default',
      request_timeout: REQUEST_MS,
      application: 'vamo',
      clickhouse_settings: settings,
      log: { level: 127 },
    });
  const client = open({ output_format_json_quote_64bit_integers: '0' });
  const reader = open({ output_format_json_quote_64bit_integers: '1', readonly: '1' });

  async function attempt<T>(sql: string, work: (statement: string) => Promise<T>): Promise<T> {
    try {
      return await work(bare(sql));
    } catch (cause) {
      throw requestFailed(cause, sql, url);
    }
  }

  const command = (sql: string): Promise<void> =>
    attempt(sql, async (query) => {
      await client.command({ query });
    });

  /** The statement goes in the address, the file's bytes are the body. */
  async function stream(path: string, sql: string): Promise<void> {
    const values = createReadStream(path, { highWaterMark: 1 << 20 });
    let unreadable: unknown;
    values.once('error', (error) => (unreadable = error));
    try {
      const { stream: answer } = await client.exec({ query: sql, values });
      for await (const _ of answer);
    } catch (cause) {
      if (unreadable !== undefined) throw storeError(unreadable, `cannot read ${path}`);
      throw requestFailed(cause, sql, url);
    } finally {
      values.destroy();
    }
  }

  await command('SELECT 1').catch(async (error: unknown) => {
    await Promise.all([client.close(), reader.close()]);
    throw error;
  });
  return {
    query: <T>(sql: string) =>
      attempt(sql, async (query) =>
        (await client.query({ query, format: 'JSONEachRow' })).json<T>(),
      ),
    ask: (sql) =>
      attempt(sql, async (query) => {
        const result = await reader.query({ query, format: 'JSON' });
        const { meta = [], data } = await result.json<Record<string, unknown>>();
        return { meta, data };
      }),
    command,
    async load({ paths, columns }, insert) {
      if (readsFiles) return command(insert(localArrow({ paths, columns })));
      const sql = `${insert(`input(${literal(structure(columns))})`)} FORMAT Arrow`;
      for (const path of paths) await stream(path, sql);
    },
    async close() {
      await Promise.all([client.close(), reader.close()]);
    },
  };
}
