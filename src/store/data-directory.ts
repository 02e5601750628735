import { isRunning, ownProcess, VamoError } from '../core/index.ts';
import { openDirectoryStore, removeAbandoned } from './directory-store.ts';
import { takeLock } from './lock.ts';
import type { ObjectStore } from './object-store.ts';
import { z } from 'zod';

/** Rises when a newer program could misread what an older one wrote, or the other way round. */
const DATA_FORMAT_VERSION = 2;
const FORMAT_KEY = 'format.json';
const format = z.looseObject({ format: z.literal('vamo-data'), version: z.int() });
/** Nothing writes one file for this long; what is older was left by a killed writer. */
const ABANDONED_MS = 60 * 60_000;

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

/**
 * Opens (and on first use founds) a data directory. With a role, at most one process at a time
 * holds it; the role of a process that died, even by kill -9, is free.
 * @throws VamoError DATA_FORMAT, DATA_LOCKED (naming the holder's process id and the role)
 */
export async function openDataDirectory(
  root: string,
  options: { readonly role?: string; readonly nowMs?: number } = {},
): Promise<DataDirectory> {
  const store = await openDirectoryStore(root);
  await checkFormat(store, root);
  if (options.nowMs !== undefined) await removeAbandoned(root, options.nowMs - ABANDONED_MS);
  const release =
    options.role === undefined
      ? () => Promise.resolve()
      : await takeLock(store, options.role, ownProcess(), isRunning);
  return { root, store, release };
}
