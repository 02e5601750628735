import { access } from 'node:fs/promises';
import type { StoreSettings } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import { type ObjectStore, openStore } from '../store/index.ts';

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** The store of a data directory that is not there: nothing is in it, and nothing comes into it. */
export function emptyStore(root: string): ObjectStore {
  const missing = (key: string): VamoError =>
    new VamoError('STORE_NOT_FOUND', `${key} is not in ${root}, which does not exist`, {
      details: { key, root },
    });
  const refuse = (key: string): Promise<never> => Promise.reject(missing(key));
  return {
    put: refuse,
    putIfAbsent: refuse,
    adopt: refuse,
    get: refuse,
    has: () => Promise.resolve(false),
    folders: () => Promise.resolve([]),
    list: () => Promise.resolve([]),
    remove: () => Promise.resolve(),
    modifiedMs: refuse,
    localFile: refuse,
  };
}

/** Folders of which one at least holds another when something was taken in. */
const FOLDERS = ['days', 'backfill', 'ledger'];
/** What a first ingest leaves that dies before it commits. */
const FILES = ['seg', 'dlq'];

/** What a command works on: what was taken in, or files of any kind. */
export type Needed = 'events' | 'files';

/**
 * Refuses a data directory that nothing was ever taken into: a mistyped one looks like this. None is
 * made of it.
 * @throws VamoError DATA_EMPTY
 */
export async function requireFilled(
  root: string,
  settings: StoreSettings,
  needed: Needed,
): Promise<void> {
  const directory = (await exists(root)) ? undefined : emptyStore(root);
  const store = await openStore(root, settings, directory);
  for (const folder of FOLDERS) if ((await store.folders(folder)).length > 0) return;
  if (needed === 'files')
    for (const folder of FILES) if ((await store.list(folder)).length > 0) return;
  throw new VamoError('DATA_EMPTY', `nothing was ever ingested into ${root}`, {
    details: { data: root },
  });
}
