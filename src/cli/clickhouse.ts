import { join } from 'node:path';
import {
  type Engine,
  findFront,
  openEmbedded,
  openServer,
  type ServerAddress,
} from '../clickhouse/index.ts';
import { isVamoError, VamoError } from '../core/index.ts';
import { openDataDirectory } from '../store/index.ts';
import type { Context } from './context.ts';

const LOADER = 'loader';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the queryable copy lies when it is embedded. */
export const clickHouseFolder = (root: string): string => join(root, 'clickhouse');

/** Where `vamo clickhouse serve` tells its port and token. */
export const frontRecord = (root: string): string => join(root, 'clickhouse-front.json');

/**
 * The server that the environment names: CLICKHOUSE_URL, with CLICKHOUSE_USER, CLICKHOUSE_PASSWORD
 * and CLICKHOUSE_DATABASE; undefined when it names none.
 * @throws VamoError CONFIG_INVALID, without telling the password
 */
export function serverOf(env: Environment): ServerAddress | undefined {
  const text = env['CLICKHOUSE_URL'];
  if (text === undefined || text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new VamoError(
      'CONFIG_INVALID',
      'CLICKHOUSE_URL: not an address of the form given below',
      {
        mend: 'Write http://HOST:8123 or https://HOST:8443.',
      },
    );
  return {
    url: url.origin,
    user: env['CLICKHOUSE_USER'] ?? (decodeURIComponent(url.username) || undefined),
    password: env['CLICKHOUSE_PASSWORD'] ?? (decodeURIComponent(url.password) || undefined),
    database: env['CLICKHOUSE_DATABASE'],
  };
}

/** Where the queryable copy is: a server, another process's engine, or a directory of our own. */
export async function clickHousePlace({ root }: Pick<Context, 'root'>): Promise<{
  readonly isEmbedded: boolean;
  open(): Promise<Engine>;
}> {
  const server = serverOf(process.env);
  if (server !== undefined) return { isEmbedded: false, open: () => openServer(server) };
  const front = await findFront(frontRecord(root));
  if (front === undefined)
    return { isEmbedded: true, open: () => openEmbedded(clickHouseFolder(root)) };
  const { url, token } = front;
  const address = { url, user: 'vamo', password: token, readsFiles: true };
  return { isEmbedded: false, open: () => openServer(address) };
}

/**
 * Opens the queryable copy, wherever it is.
 * @throws VamoError DATA_LOCKED, SQL_UNREACHABLE, ENGINE_UNAVAILABLE, STORE_IO, CONFIG_INVALID
 */
export async function openClickHouse(context: Pick<Context, 'root'>): Promise<Engine> {
  return (await clickHousePlace(context)).open();
}

/**
 * Lets `work` load into the queryable copy as the one process that does.
 * @throws VamoError DATA_LOCKED, with the role `loader`, while another process keeps the copy up
 */
export async function asLoader<T>({ root, now }: Context, work: () => Promise<T>): Promise<T> {
  const role = await openDataDirectory(root, { role: LOADER, nowMs: now() });
  try {
    return await work();
  } finally {
    await role.release();
  }
}

/** As `asLoader`; nothing is done while another process keeps the copy up: it loads by itself. */
export async function asLoaderUnlessKept(
  context: Context,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await asLoader(context, work);
  } catch (error) {
    if (!isVamoError(error, 'DATA_LOCKED') || error.details['role'] !== LOADER) throw error;
  }
}
