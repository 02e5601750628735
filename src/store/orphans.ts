import { isVamoError } from '../core/index.ts';
import { findOrphans } from './committed.ts';
import type { ObjectStore } from './object-store.ts';

/** Files that no ledger entry names. */
export interface Orphans {
  /** Written before the given time. */
  readonly old: readonly string[];
  /** Written since: a writer may be about to commit them. */
  readonly young: readonly string[];
}

/** @throws VamoError INGEST_LEDGER, STORE_IO */
export async function orphansByAge(store: ObjectStore, beforeMs: number): Promise<Orphans> {
  const old: string[] = [];
  const young: string[] = [];
  for (const key of await findOrphans(store)) {
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
 * Removes the files that writers left behind which died, or lost the race, between file and entry.
 * @param beforeMs a grace period ago: no writer commits files half as old, see `partition-ingest.ts`
 * @throws VamoError INGEST_LEDGER, STORE_IO
 */
export async function removeOrphans(store: ObjectStore, beforeMs: number): Promise<Orphans> {
  const found = await orphansByAge(store, beforeMs);
  for (const key of found.old) await store.remove(key);
  return found;
}
