import type { PartitionManifest } from '../contracts/index.ts';
import { type DayKey, VamoError } from '../core/index.ts';
import { type ObjectStore, readManifest, writeManifest } from '../store/index.ts';

/**
 * Makes an older generation the newest again: a generation of its own that names the same files.
 * Nothing is deleted; who pinned the one in between keeps reading it.
 * @throws VamoError DAY_UNSEALED when there is no such generation; DAY_SEALED when another process made
 *   the next one meanwhile; STORE_CORRUPT, STORE_FULL
 */
export async function restoreGeneration(
  store: ObjectStore,
  day: DayKey,
  generation: number,
): Promise<PartitionManifest> {
  const newest = await readManifest(store, day);
  const wanted = await readManifest(store, day, generation);
  const made = await writeManifest(store, {
    ...wanted,
    generation: newest.generation + 1,
    kind: 'undo',
    parent: newest.generation,
    inputs: { ...wanted.inputs, restored: generation },
  });
  if (made.kind === 'undo' && made.inputs.restored === generation) return made;
  throw new VamoError(
    'DAY_SEALED',
    `day ${day}: another process made generation ${made.generation} (${made.kind}) meanwhile`,
    { details: { day }, mend: 'Run the same undo again.' },
  );
}
