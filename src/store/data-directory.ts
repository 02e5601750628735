import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { S3Settings, StoreSettings } from '../contracts/index.ts';
import { isRunning, ownProcess, VamoError } from '../core/index.ts';
import { openDirectoryStore, removeAbandoned } from './directory-store.ts';
import { takeLock } from './lock.ts';
import type { ObjectStore } from './object-store.ts';
import { probeConditionalCreate } from './s3/probe.ts';
import { openS3Store, type S3Store } from './s3-store.ts';
import { splitStore } from './split-store.ts';

/** Rises when a newer program could misread what an older one wrote, or the other way round. */
const DATA_FORMAT_VERSION = 2;
const FORMAT_KEY = 'format.json';
const format = z.looseObject({ format: z.literal('vamo-data'), version: z.int() });
/** Nothing writes one file for this long; what is older was left by a killed writer. */
const ABANDONED_MS = 60 * 60_000;
/** Trainers ask for every day of their window each night; a copy not asked for so long is not needed. */
const UNUSED_MS = 3 * 24 * 60 * 60_000;

export interface DataDirectory {
  readonly root: string;
  readonly store: ObjectStore;
  /** Gives the role back. Safe to call twice. */
  release(): Promise<void>;
}

async function checkFormat(store: ObjectStore, root: string): Promise<void> {
  const own = { format: 'vamo-data', version: DATA_FORMAT_VERSION };
  const refuse = (found: string): VamoError =>
    new VamoError('DATA_FORMAT', `${root} ${found}; this program reads version ${own.version}`, {
      details: { root },
    });
  if (!(await store.has(FORMAT_KEY))) {
    const used = (await Promise.all(['ledger', 'days'].map((p) => store.list(p)))).flat();
    if (used.length > 0) throw refuse(`holds data but no ${FORMAT_KEY}`);
    await store.putIfAbsent(FORMAT_KEY, Buffer.from(`${JSON.stringify(own)}\n`));
  }
  const text = Buffer.from(await store.get(FORMAT_KEY)).toString();
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    throw refuse(`has an unreadable ${FORMAT_KEY}`);
  }
  const parsed = format.safeParse(found);
  if (!parsed.success) throw refuse(`has a ${FORMAT_KEY} of something else`);
  if (parsed.data.version !== own.version)
    throw refuse(`is of format version ${parsed.data.version}`);
}

const cacheFolder = (root: string): string => join(resolve(root), 'cache', 'store');

/** Places whose conditional creates this process has proved. */
const proved = new Set<string>();

/**
 * The shared store of settings that name one, its conditional creates proved once a process.
 * @throws VamoError CONFIG_INVALID without credentials; STORE_UNFIT, STORE_IO
 */
async function openShared(root: string, settings: S3Settings): Promise<S3Store> {
  const shared = openS3Store(settings, { cacheFolder: cacheFolder(root) });
  if (!proved.has(shared.place)) await probeConditionalCreate(shared, shared.place);
  proved.add(shared.place);
  return shared;
}

/**
 * Only the store, for a process that reads what another made: nothing is founded, proved or locked,
 * and an object store is not asked anything before something of it is wanted.
 * @param directory instead of the one at `root`
 * @throws VamoError CONFIG_INVALID without credentials
 */
export async function openStore(
  root: string,
  settings: StoreSettings,
  directory?: ObjectStore,
): Promise<ObjectStore> {
  const own = directory ?? (await openDirectoryStore(root));
  if (settings.kind === 'directory') return own;
  return splitStore(own, openS3Store(settings, { cacheFolder: cacheFolder(root) }));
}

/**
 * Opens (and on first use founds) a data directory, and the object store where its settings name one:
 * then ledgers, segments and sealed days lie there, and several hosts may work on them. With a role,
 * at most one process at a time holds it, on whichever host where its work is shared; the role of a
 * process that died, even by kill -9, is free.
 * @throws VamoError DATA_FORMAT, DATA_LOCKED (naming the holder's process id and the role), STORE_UNFIT
 */
export async function openDataDirectory(
  root: string,
  options: {
    readonly role?: string;
    readonly nowMs?: number;
    readonly settings?: StoreSettings;
  } = {},
): Promise<DataDirectory> {
  const { role, nowMs, settings = { kind: 'directory' } } = options;
  const own = await openDirectoryStore(root);
  await checkFormat(own, root);
  if (nowMs !== undefined) await removeAbandoned(root, nowMs - ABANDONED_MS);
  let store = own;
  if (settings.kind === 's3') {
    const shared = await openShared(root, settings);
    await checkFormat(shared, shared.place);
    if (nowMs !== undefined) await shared.pruneCache(nowMs - UNUSED_MS);
    store = splitStore(own, shared);
  }
  const release =
    role === undefined
      ? () => Promise.resolve()
      : await takeLock(store, role, ownProcess(), isRunning);
  return { root, store, release };
}
