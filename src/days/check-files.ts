import type { PartitionManifest } from '../contracts/index.ts';
import { type DayKey, isVamoError, stableJson, throwIfAborted } from '../core/index.ts';
import {
  listGenerations,
  newestGeneration,
  type ObjectStore,
  readManifest,
} from '../store/index.ts';
import { generationsInUse } from './check-generations.ts';
import { checkFiles, type Difference } from './verify.ts';

/**
 * A file of a generation that the newest takes nothing over from is not as it was sealed. Only an undo,
 * or a run that pinned the generation, would read it.
 */
export interface SupersededDamage extends Pick<Difference, 'what' | 'found' | 'recorded'> {
  readonly generation: number;
}

/** What is not as it was sealed in a day's files. */
export interface DayFiles {
  readonly differences: readonly Difference[];
  readonly superseded: readonly SupersededDamage[];
}

/** A manifest that cannot be believed differs; the other days are looked at all the same. */
function corrupt(error: unknown): Difference[] {
  if (!isVamoError(error, 'STORE_CORRUPT')) throw error;
  const mend = 'Restore the manifest from a backup.';
  return [{ what: 'a manifest', found: error.message, recorded: 'a whole one', mend }];
}

/**
 * The files of every generation of a day against their manifests: an older one may be pinned, or what
 * an undo points at. What an older one has wrong is apart where the day does not build on it.
 * @throws VamoError STORE_IO, INTERRUPTED
 */
export async function checkDayFiles(
  store: ObjectStore,
  day: DayKey,
  signal?: AbortSignal,
): Promise<DayFiles> {
  const differences: Difference[] = [];
  const superseded: SupersededDamage[] = [];
  const manifests = new Map<number, PartitionManifest>();
  const newest = await newestGeneration(store, day);
  for (const generation of await listGenerations(store, day))
    try {
      manifests.set(generation, await readManifest(store, day, generation));
    } catch (error) {
      differences.push(...corrupt(error));
    }
  const used = generationsInUse(manifests, newest);
  const checked = new Set<string>();
  for (const [generation, manifest] of manifests) {
    throwIfAborted(signal);
    const { files, digest, stepsDigest, counts } = manifest;
    // An undo says the same of the same files as the generation that it restored.
    const said = stableJson({ files, digest, stepsDigest, counts });
    if (checked.has(said)) continue;
    checked.add(said);
    const found = await checkFiles(store, manifest);
    if (used === undefined || used.has(generation)) differences.push(...found);
    else for (const { mend: _, ...damage } of found) superseded.push({ generation, ...damage });
  }
  return { differences, superseded };
}
