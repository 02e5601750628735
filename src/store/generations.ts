import { type DayKey, dayKey, isVamoError } from '../core/index.ts';
import { parseGeneration } from './generation-file.ts';
import type { ObjectStore } from './object-store.ts';
import { type SealedDay, WITHDRAWING } from './partition-layout.ts';

const MANIFEST = /^(days\/(\d{4}-\d{2}-\d{2})\/g(\d{4,})\/)manifest\.json$/;

interface Generation extends SealedDay {
  /** There is no such day any more: it has no files. */
  readonly isWithdrawn: boolean;
}

/** The newest generation of every sealed day, by day; days withdrawn by their newest are none. */
export async function listSealedDays(store: ObjectStore): Promise<SealedDay[]> {
  const newest = new Map<DayKey, Generation>();
  for (const found of await generationsUnder(store, 'days'))
    if (found.generation > (newest.get(found.day)?.generation ?? 0)) newest.set(found.day, found);
  return [...newest.values()]
    .filter(({ isWithdrawn }) => !isWithdrawn)
    .map(({ day, generation }) => ({ day, generation }))
    .sort((a, b) => (a.day < b.day ? -1 : 1));
}

/** Every generation of a day that has files, oldest first, whether or not it counts. */
export async function listGenerations(store: ObjectStore, day: DayKey): Promise<number[]> {
  const found = await generationsUnder(store, `days/${day}`);
  return found.filter(({ isWithdrawn }) => !isWithdrawn).map(({ generation }) => generation);
}

/** The number of the generation that comes next. */
export async function nextGeneration(store: ObjectStore, day: DayKey): Promise<number> {
  return ((await generationsUnder(store, `days/${day}`)).at(-1)?.generation ?? 0) + 1;
}

/** The newest generation that counts; undefined when the day is open or withdrawn. */
export async function newestGeneration(
  store: ObjectStore,
  day: DayKey,
): Promise<number | undefined> {
  const last = (await generationsUnder(store, `days/${day}`)).at(-1);
  return last === undefined || last.isWithdrawn ? undefined : last.generation;
}

/** By day and number. */
async function generationsUnder(store: ObjectStore, prefix: string): Promise<Generation[]> {
  const keys = new Set(await store.list(prefix));
  const found: Generation[] = [];
  for (const key of keys) {
    const [, folder, day, generation] = MANIFEST.exec(key) ?? [];
    if (folder === undefined || day === undefined) continue;
    // Few are, so few are opened.
    const isWithdrawn = keys.has(`${folder}${WITHDRAWING}`) && (await saysWithdrawn(store, key));
    found.push({ day: dayKey(day), generation: Number(generation), isWithdrawn });
  }
  return found.sort((a, b) =>
    a.day === b.day ? a.generation - b.generation : a.day < b.day ? -1 : 1,
  );
}

/** One that cannot be believed is no withdrawal: who opens it is told. */
async function saysWithdrawn(store: ObjectStore, key: string): Promise<boolean> {
  try {
    return parseGeneration(await store.get(key), key).schema === 'withdrawn/v1';
  } catch (error) {
    if (isVamoError(error, 'STORE_CORRUPT')) return false;
    throw error;
  }
}
