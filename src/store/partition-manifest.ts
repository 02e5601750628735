import {
  currentManifest,
  hasItsChecksum,
  type PartitionManifest,
  storedPartitionManifest,
  withChecksum,
} from '../contracts/index.ts';
import { type DayKey, VamoError, dayKey, isVamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';

const ROOT = 'days';
const MARKER = /^days\/(\d{4}-\d{2}-\d{2})\/g(\d{4,})\/(manifest|withdrawn)\.json$/;

/** The folder of a generation of a day: `days/DAY/gNNNN/`. */
export function partitionPrefix(day: DayKey, generation: number): string {
  return `${ROOT}/${day}/g${String(generation).padStart(4, '0')}/`;
}

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

/** A sealed generation of a day. */
export interface SealedDay {
  readonly day: DayKey;
  readonly generation: number;
}

interface Generation extends SealedDay {
  /** There is no such day any more: it has no manifest and no files. */
  readonly isWithdrawn: boolean;
}

/** The newest generation of every sealed day, by day; days withdrawn by their newest are none. */
export async function listSealedDays(store: ObjectStore): Promise<SealedDay[]> {
  const newest = new Map<DayKey, Generation>();
  for (const found of await generationsUnder(store, ROOT))
    if (found.generation > (newest.get(found.day)?.generation ?? 0)) newest.set(found.day, found);
  return [...newest.values()]
    .filter(({ isWithdrawn }) => !isWithdrawn)
    .map(({ day, generation }) => ({ day, generation }))
    .sort((a, b) => (a.day < b.day ? -1 : 1));
}

/** Every generation of a day that has a manifest, oldest first, whether or not it counts. */
export async function listGenerations(store: ObjectStore, day: DayKey): Promise<number[]> {
  const found = await generationsUnder(store, `${ROOT}/${day}`);
  return found.filter(({ isWithdrawn }) => !isWithdrawn).map(({ generation }) => generation);
}

/** By day and number. */
async function generationsUnder(store: ObjectStore, prefix: string): Promise<Generation[]> {
  const found = (await store.list(prefix)).flatMap((key) => {
    const [, day, generation, marker] = MARKER.exec(key) ?? [];
    if (day === undefined) return [];
    const isWithdrawn = marker === 'withdrawn';
    return [{ day: dayKey(day), generation: Number(generation), isWithdrawn }];
  });
  return found.sort((a, b) =>
    a.day === b.day ? a.generation - b.generation : a.day < b.day ? -1 : 1,
  );
}

/** The number of the generation that comes next. */
export async function nextGeneration(store: ObjectStore, day: DayKey): Promise<number> {
  return ((await generationsUnder(store, `${ROOT}/${day}`)).at(-1)?.generation ?? 0) + 1;
}

/** The newest generation that counts; undefined when the day is open or withdrawn. */
async function newestGeneration(store: ObjectStore, day: DayKey): Promise<number | undefined> {
  const last = (await generationsUnder(store, `${ROOT}/${day}`)).at(-1);
  return last === undefined || last.isWithdrawn ? undefined : last.generation;
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
      { details: { day, generation } },
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

/** The manifest, or undefined when that generation is not sealed. @throws VamoError STORE_CORRUPT */
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
  return parseManifest(bytes, key);
}

function parseManifest(bytes: Uint8Array, key: string): PartitionManifest {
  let stored: ReturnType<typeof storedPartitionManifest.parse>;
  try {
    stored = storedPartitionManifest.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw new VamoError('STORE_CORRUPT', `${key} is not a partition manifest`, { cause });
  }
  if (!hasItsChecksum(stored))
    throw new VamoError('STORE_CORRUPT', `${key} differs from its checksum: it was changed`);
  const manifest = currentManifest(stored);
  const own = manifestKey(dayKey(manifest.day), manifest.generation);
  if (own === key) return manifest;
  throw new VamoError('STORE_CORRUPT', `${key} holds the manifest of ${own}`, {
    details: { key, holds: own },
  });
}

/**
 * Makes a day sealed: its manifest is created only if absent. Another sealer's that stands there
 * already counts and is given back.
 * @throws VamoError STORE_FULL, STORE_IO, STORE_CORRUPT
 */
export async function writeManifest(
  store: ObjectStore,
  manifest: PartitionManifest,
): Promise<PartitionManifest> {
  const day = dayKey(manifest.day);
  const bytes = Buffer.from(`${JSON.stringify(withChecksum(manifest))}\n`);
  if (await store.putIfAbsent(manifestKey(day, manifest.generation), bytes)) return manifest;
  return readManifest(store, day, manifest.generation);
}

/** Where a generation's manifest stands; the day is sealed once it is there. */
function manifestKey(day: DayKey, generation: number): string {
  return `${partitionPrefix(day, generation)}manifest.json`;
}

/**
 * Takes a day back that was made by mistake: as its next generation a mark that there is none. Older
 * generations stay for who pinned them, and the day can be sealed again.
 */
export async function withdrawDay(
  store: ObjectStore,
  day: DayKey,
  generation: number,
): Promise<void> {
  const bytes = Buffer.from(`${JSON.stringify({ schema: 'withdrawn/v1', day, generation })}\n`);
  await store.putIfAbsent(`${partitionPrefix(day, generation)}withdrawn.json`, bytes);
}
