import { isVamoError } from '../core/index.ts';
import { findOrphans } from './committed.ts';
import type { ObjectStore } from './object-store.ts';
import { generationFolders } from './partition-audit.ts';
import { findManifest } from './partition-manifest.ts';
import { prefixedStore } from './prefixed-store.ts';

/** Files that no ledger entry and no manifest names. */
export interface Orphans {
  /** Written before the given time. */
  readonly old: readonly string[];
  /** Written since: a writer may be about to commit them. */
  readonly young: readonly string[];
}

/** Orphans of each backfill's own ledgers; those of one that goes on are young, or its own later. */
async function orphansOfBackfills(store: ObjectStore): Promise<string[]> {
  const folders = new Set<string>();
  for (const key of await store.list('backfill')) folders.add(key.split('/').slice(0, 2).join('/'));
  const orphans: string[] = [];
  for (const folder of folders)
    for (const key of await findOrphans(prefixedStore(store, folder)))
      orphans.push(`${folder}/${key}`);
  return orphans;
}

/**
 * Files of builders that died, or that another was faster than. Only where a manifest says which files
 * are the generation's: where it was lost they are all there is to make it good again.
 */
async function unnamedFiles(store: ObjectStore): Promise<string[]> {
  const sealed = (await generationFolders(store)).filter(({ manifest }) => manifest !== null);
  const named = new Set<string>();
  for (const { day, generation } of sealed)
    for (const { key } of (await findManifest(store, day, generation))?.files ?? []) named.add(key);
  return sealed.flatMap(({ files }) => files.filter((key) => !named.has(key)));
}

/** @throws VamoError INGEST_LEDGER, STORE_CORRUPT, STORE_IO */
export async function orphansByAge(store: ObjectStore, beforeMs: number): Promise<Orphans> {
  const old: string[] = [];
  const young: string[] = [];
  const unnamed = [
    await findOrphans(store),
    await orphansOfBackfills(store),
    await unnamedFiles(store),
  ];
  for (const key of unnamed.flat()) {
    const written = await store.modifiedMs(key).catch((error: unknown) => {
      // Another has removed it meanwhile.
      if (isVamoError(error, 'STORE_NOT_FOUND')) return undefined;
      throw error;
    });
    if (written === undefined) continue;
    (written < beforeMs ? old : young).push(key);
  }
  return { old, young };
}

/**
 * Removes the files that writers left behind which died, or lost the race, between file and entry or
 * manifest.
 * @param beforeMs a grace period ago: no writer commits files half as old, see `range-writer.ts`
 * @throws VamoError INGEST_LEDGER, STORE_CORRUPT, STORE_IO
 */
export async function removeOrphans(store: ObjectStore, beforeMs: number): Promise<Orphans> {
  const found = await orphansByAge(store, beforeMs);
  for (const key of found.old) await store.remove(key);
  return found;
}
