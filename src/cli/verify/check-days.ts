import type { PartitionManifest } from '../../contracts/index.ts';
import { type DayKey, dayKey, isVamoError, stableJson, throwIfAborted } from '../../core/index.ts';
import {
  checkCopied,
  checkFiles,
  claimsOf,
  claimsOfFiles,
  type Difference,
  listBackfills,
  missingGenerations,
} from '../../days/index.ts';
import {
  findManifest,
  generationFolders,
  listGenerations,
  type ObjectStore,
  readManifest,
} from '../../store/index.ts';
import type { Context } from '../context.ts';
import { checkAgainstTruth, firstDifferences } from '../truth.ts';
import { type CopyLook, lookAtCopy } from './copy.ts';

/** How a day stands. */
export interface DayCheck {
  readonly day: string;
  /** The newest; null = the day is not sealed, or withdrawn. */
  readonly generation: number | null;
  /** How it came to be; null also when its manifest cannot be believed. */
  readonly kind: PartitionManifest['kind'] | null;
  readonly rows: number;
  /** Sums that the simulator told too; null = it was not asked, or did not play the day. */
  readonly compared: number | null;
  readonly differences: readonly Difference[];
  /** Sums that differ from the simulator's beyond those named. */
  readonly moreSums: number;
  /** What the copy does not show yet while somebody is at work. */
  readonly pending: Difference | null;
}

export interface Checks {
  readonly days: readonly DayCheck[];
  /** Why the copy could not be looked at, or null. */
  readonly unread: string | null;
}

/** A manifest that cannot be believed differs; the other days are looked at all the same. */
function corrupt(error: unknown): Difference[] {
  if (!isVamoError(error, 'STORE_CORRUPT')) throw error;
  const mend = 'Restore the manifest from a backup.';
  return [{ what: 'a manifest', found: error.message, recorded: 'a whole one', mend }];
}

/** Files of every generation: an older one may be pinned, or what an undo points at. */
async function checkDayFiles({ store, signal }: Context, day: DayKey): Promise<Difference[]> {
  const differences: Difference[] = [];
  const checked = new Set<string>();
  for (const generation of await listGenerations(store, day)) {
    throwIfAborted(signal);
    try {
      const sealed = await readManifest(store, day, generation);
      const { files, digest, stepsDigest, counts } = sealed;
      // An undo says the same of the same files as the generation that it restored.
      const said = stableJson({ files, digest, stepsDigest, counts });
      if (!checked.has(said)) differences.push(...(await checkFiles(store, sealed)));
      checked.add(said);
    } catch (error) {
      differences.push(...corrupt(error));
    }
  }
  return differences;
}

async function checkOneCopy(
  store: ObjectStore,
  day: DayKey,
  { days, unread, newest, isMoving }: CopyLook,
): Promise<Pick<DayCheck, 'differences' | 'pending'>> {
  if (unread !== null) return { differences: [], pending: null };
  const found = await checkCopied(store, day, newest.get(day), days.get(day));
  const { differences, pending } = found;
  if (pending === null || isMoving(day)) return found;
  return { differences: [...differences, pending], pending: null };
}

/** Of every day of which anything is there, or of one: all that is not as it was sealed. */
export async function checkDays(
  context: Context,
  { only, truth }: { readonly only: DayKey | undefined; readonly truth: string | undefined },
): Promise<Checks> {
  const { store, signal, now } = context;
  const files = new Map<DayKey, Difference[]>();
  const before = await generationFolders(store, only);
  for (const day of new Set(before.map((one) => one.day)))
    files.set(day, await checkDayFiles(context, day));
  const copy = await lookAtCopy(context, only);
  const copied = [...copy.days].map(([day, { generation }]) => ({
    day,
    generation,
    by: 'loaded into ClickHouse',
  }));
  // Who claims is asked first: a generation made meanwhile is not missing.
  const claims = [...copied, ...claimsOf(await listBackfills(store))];
  const folders = await generationFolders(store, only);
  claims.push(...(await claimsOfFiles(store, folders, now())));
  const named = [...folders, ...claims].map(({ day }) => dayKey(day));
  const days: DayCheck[] = [];
  for (const day of only === undefined ? [...new Set(named)].sort() : [only]) {
    throwIfAborted(signal);
    const generation = copy.newest.get(day) ?? null;
    const sealed = generation === null ? undefined : await believed(store, day, generation);
    const told = sealed && truth && (await checkAgainstTruth(store, sealed, truth));
    const first = told ? firstDifferences(told) : { differences: [], moreSums: 0 };
    const { differences, pending } = await checkOneCopy(store, day, copy);
    days.push({
      day,
      generation,
      kind: sealed?.kind ?? null,
      rows: sealed?.counts.accepted ?? 0,
      compared: told ? told.compared : null,
      differences: [
        ...missingGenerations(day, folders, claims),
        ...(files.get(day) ?? (await checkDayFiles(context, day))),
        ...differences,
        ...first.differences,
      ],
      moreSums: first.moreSums,
      pending,
    });
  }
  return { days, unread: copy.unread };
}

/** Undefined for a manifest that cannot be believed: it is told of with the files. */
async function believed(
  store: ObjectStore,
  day: DayKey,
  generation: number,
): Promise<PartitionManifest | undefined> {
  return findManifest(store, day, generation).catch((error: unknown) => {
    if (!isVamoError(error, 'STORE_CORRUPT')) throw error;
    return undefined;
  });
}
