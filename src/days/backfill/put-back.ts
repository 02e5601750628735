import type { BackfilledDay } from '../../contracts/index.ts';
import { dayKey } from '../../core/index.ts';
import { findManifest, generationFolders, type ObjectStore } from '../../store/index.ts';

/**
 * Whether a day was put back by an undo that was killed later on. What was made of it since, say by a
 * seal, was not built on the backfill.
 */
export async function isPutBack(store: ObjectStore, made: BackfilledDay): Promise<boolean> {
  const day = dayKey(made.day);
  const after = (await generationFolders(store, day)).filter(
    (one) => one.generation > made.generation && one.manifest !== null,
  );
  const before = made.parent && (await originOf(store, day, made.parent));
  for (const { generation } of after) {
    const manifest = await findManifest(store, day, generation);
    if (before === null ? manifest === undefined : manifest?.inputs.restored === before)
      return true;
  }
  return false;
}

/** The generation that first held the files of one that may itself be an undo. */
export async function originOf(
  store: ObjectStore,
  day: string,
  generation: number,
): Promise<number> {
  const manifest = await findManifest(store, dayKey(day), generation);
  return manifest?.inputs.restored ?? generation;
}
