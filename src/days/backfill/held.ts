import type { DayKey } from '../../core/index.ts';
import { findManifest, findNewest, type ObjectStore } from '../../store/index.ts';

/**
 * The backfills whose records the newest generation of a day holds, the last one first; none while the day
 * is open. What another took the place of (`--mode replace`) is not among them.
 * @throws VamoError STORE_CORRUPT
 */
export async function backfillsHeld(store: ObjectStore, day: DayKey): Promise<string[]> {
  const ids = new Set<string>();
  let manifest = await findNewest(store, day);
  while (manifest !== undefined) {
    const { backfill, base } = manifest.inputs;
    if (backfill !== null) ids.add(backfill.id);
    manifest = base === null ? undefined : await findManifest(store, day, base.generation);
  }
  return [...ids];
}
