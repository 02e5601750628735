import { type PartitionManifest, type Withdrawal, withChecksum } from '../contracts/index.ts';
import { type DayKey, VamoError, dayKey, isVamoError } from '../core/index.ts';
import { manifestKey, parseGeneration } from './generation-file.ts';
import { newestGeneration } from './generations.ts';
import type { ObjectStore } from './object-store.ts';
import { partitionPrefix, type SealedDay, WITHDRAWING } from './partition-layout.ts';

/**
 * Where a file of a generation lies. It is named by its content, so that of two builders of one
 * generation neither can put other bytes where the other's manifest points.
 */
export function partitionFileKey(
  { day, generation }: SealedDay,
  role: PartitionManifest['files'][number]['role'],
  digest: string,
): string {
  return `${partitionPrefix(day, generation)}${role}-${digest.slice(0, 16)}.arrow`;
}

/**
 * The manifest of a sealed day: of the generation asked for, or the newest.
 * @throws VamoError DAY_UNSEALED when the day (or that generation) is not sealed; STORE_CORRUPT
 */
export async function readManifest(
  store: ObjectStore,
  day: DayKey,
  generation?: number,
): Promise<PartitionManifest> {
  const wanted = generation ?? (await newestGeneration(store, day));
  const manifest = wanted === undefined ? undefined : await findManifest(store, day, wanted);
  if (manifest === undefined)
    throw new VamoError(
      'DAY_UNSEALED',
      generation === undefined
        ? `day ${day} is not sealed`
        : `day ${day} has no generation ${generation}`,
      {
        details: { day, generation },
        mend:
          generation === undefined
            ? `Run \`vamo seal --day ${day}\` once its events have arrived.`
            : '`vamo days` shows the newest generation of each day.',
      },
    );
  return manifest;
}

/** The newest manifest of a day, or undefined while it is open. @throws VamoError STORE_CORRUPT */
export async function findNewest(
  store: ObjectStore,
  day: DayKey,
): Promise<PartitionManifest | undefined> {
  const newest = await newestGeneration(store, day);
  return newest === undefined ? undefined : findManifest(store, day, newest);
}

/**
 * The manifest, or undefined when that generation is not sealed, or withdraws the day.
 * @throws VamoError STORE_CORRUPT
 */
export async function findManifest(
  store: ObjectStore,
  day: DayKey,
  generation: number,
): Promise<PartitionManifest | undefined> {
  const key = manifestKey(day, generation);
  let bytes: Uint8Array;
  try {
    bytes = await store.get(key);
  } catch (error) {
    if (isVamoError(error, 'STORE_NOT_FOUND')) return undefined;
    throw error;
  }
  const found = parseGeneration(bytes, key);
  return found.schema === 'partition/v2' ? found : undefined;
}

/** Of all that would make a generation one does. @returns whether this call did */
function create(store: ObjectStore, made: PartitionManifest | Withdrawal): Promise<boolean> {
  const bytes = Buffer.from(`${JSON.stringify(withChecksum(made))}\n`);
  return store.putIfAbsent(manifestKey(dayKey(made.day), made.generation), bytes);
}

const madeMeanwhile = (day: DayKey, what: string, mend: string): VamoError =>
  new VamoError('DAY_SEALED', `day ${day}: another process ${what} meanwhile`, {
    details: { day },
    mend,
  });

/**
 * Makes a day sealed: its manifest is created only if absent. Another sealer's that stands there
 * already counts and is given back.
 * @throws VamoError DAY_SEALED when another process withdrew the day in this generation; STORE_FULL,
 *   STORE_IO, STORE_CORRUPT
 */
export async function writeManifest(
  store: ObjectStore,
  manifest: PartitionManifest,
): Promise<PartitionManifest> {
  if (await create(store, manifest)) return manifest;
  const { generation } = manifest;
  const day = dayKey(manifest.day);
  const found = await findManifest(store, day, generation);
  if (found !== undefined) return found;
  throw madeMeanwhile(day, `withdrew it (generation ${generation})`, 'Run the same command again.');
}

/**
 * Takes a day back that was made by mistake: its next generation says that there is none. Older
 * generations stay for who pinned them, and the day can be sealed again. Repeating is fine.
 * @throws VamoError DAY_SEALED when another process made that generation meanwhile; STORE_FULL, STORE_IO
 */
export async function withdrawDay(
  store: ObjectStore,
  day: DayKey,
  generation: number,
): Promise<void> {
  await store.put(`${partitionPrefix(day, generation)}${WITHDRAWING}`, Buffer.from('\n'));
  if (await create(store, { schema: 'withdrawn/v1', day, generation })) return;
  const found = await findManifest(store, day, generation);
  if (found === undefined) return;
  const what = `made generation ${generation} (${found.kind})`;
  throw madeMeanwhile(day, what, 'Run the same undo again.');
}
