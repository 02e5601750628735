import type { PartitionManifest } from '../contracts/index.ts';
import type { DayKey } from '../core/index.ts';
import { type ObjectStore, readManifest, writeManifest } from '../store/index.ts';

/**
 * Makes an older generation the newest again: a generation of its own that names the same files.
 * Nothing is deleted; who pinned the one in between keeps reading it.
 * @throws VamoError DAY_UNSEALED when there is no such generation; STORE_CORRUPT, STORE_FULL
 */
export async function restoreGeneration(
  store: ObjectStore,
  day: DayKey,
  generation: number,
): Promise<PartitionManifest> {
  const newest = await readManifest(store, day);
  const wanted = await readManifest(store, day, generation);
  return writeManifest(store, {
    ...wanted,
    generation: newest.generation + 1,
    kind: 'undo',
    parent: newest.generation,
    inputs: { ...wanted.inputs, restored: generation },
  });
}
