import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Engine,
  findFront,
  openEmbedded,
  openServer,
  type ServerAddress,
} from '../clickhouse/index.ts';
import {
  createReleasers,
  isVamoError,
  ownProcess,
  sha256,
  sleep,
  VamoError,
} from '../core/index.ts';
import type { Loader } from '../days/index.ts';
import {
  ensureIdentity,
  isHeld,
  type ObjectStore,
  openDataDirectory,
  openDirectoryStore,
} from '../store/index.ts';
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

/** How long a command waits while another process has the embedded engine open, and how often it looks. */
const WAIT_MS = 60_000;
const LOOK_MS = 1000;

/**
 * As `openClickHouse`; an embedded engine that another process has open is waited for, with a line in
 * the log.
 * @throws VamoError DATA_LOCKED when it is still open after a minute; INTERRUPTED
 */
export async function openClickHouseWhenFree(
  context: Pick<Context, 'root' | 'log' | 'signal' | 'now'>,
  waitMs = WAIT_MS,
): Promise<Engine> {
  const { log, signal, now } = context;
  const untilMs = now() + waitMs;
  for (let tries = 1; ; tries++) {
    try {
      return await openClickHouse(context);
    } catch (error) {
      if (!isVamoError(error, 'DATA_LOCKED') || now() >= untilMs) throw error;
      if (tries === 1) log.warn('clickhouse.wait', { reason: error.message, waitMs });
    }
    await sleep(LOOK_MS, signal);
  }
}

type Place = Pick<Context, 'root' | 'config' | 'store' | 'now'>;

/** Hosts that share a store may load into one server: then the role is theirs together. */
function roleAcrossHosts({ config }: Pick<Context, 'config'>): string | undefined {
  const server = serverOf(process.env);
  if (server === undefined || config.store.kind === 'directory') return undefined;
  return `${LOADER}-${sha256(`${server.url} ${server.database ?? ''}`).slice(0, 12)}`;
}

/** Whether a process has taken the role to load into the queryable copy. */
export async function isLoaderAtWork(context: Place): Promise<boolean> {
  const { root, store, now } = context;
  if (existsSync(root) && (await isHeld(await openDirectoryStore(root), LOADER, now())))
    return true;
  const across = roleAcrossHosts(context);
  return across !== undefined && isHeld(store, across, now());
}

/** Whose copy is loaded, and the stages of this host's loader: the role makes it the only one of them. */
async function loaderOf({ root, config, store }: Place, own: ObjectStore): Promise<Loader> {
  const here = `${ownProcess().host}:${root}`;
  const { id } = await ensureIdentity(own, here);
  const { kind } = config.store;
  const place = kind === 's3' ? `s3://${config.store.bucket}/${config.store.prefix}` : here;
  return { owner: await ensureIdentity(store, place), stage: id.replaceAll('-', '') };
}

/**
 * Lets `work` load into the queryable copy as the one process that does.
 * @throws VamoError DATA_LOCKED, with a role `loader...`, while another process keeps the copy up
 */
export async function asLoader<T>(
  context: Place,
  work: (loader: Loader) => Promise<T>,
): Promise<T> {
  const { root, config, now } = context;
  const releasers = createReleasers();
  try {
    const own = await openDataDirectory(root, { role: LOADER, nowMs: now() });
    releasers.push(() => own.release());
    const role = roleAcrossHosts(context);
    if (role !== undefined) {
      const across = await openDataDirectory(root, { role, settings: config.store });
      releasers.push(() => across.release());
    }
    return await work(await loaderOf(context, own.store));
  } finally {
    await releasers.release();
  }
}

/** As `asLoader`; nothing is done while another process keeps the copy up: it loads by itself. */
export async function asLoaderUnlessKept(
  context: Context,
  work: (loader: Loader) => Promise<void>,
): Promise<void> {
  try {
    await asLoader(context, work);
  } catch (error) {
    if (!isVamoError(error, 'DATA_LOCKED')) throw error;
    const { role } = error.details;
    if (typeof role !== 'string' || !role.startsWith(LOADER)) throw error;
  }
}
