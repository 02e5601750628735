import type { PartitionManifest } from '../../contracts/index.ts';
import { type DayKey, dayKey, isVamoError, throwIfAborted } from '../../core/index.ts';
import {
  checkCopied,
  checkDayFiles,
  claimsOf,
  claimsOfFiles,
  type DayFiles,
  type Difference,
  listBackfills,
  missingGenerations,
  type SupersededDamage,
} from '../../days/index.ts';
import { findManifest, generationFolders, type ObjectStore } from '../../store/index.ts';
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
  /** What is wrong with files that the newest generation takes nothing over from: no difference. */
  readonly superseded: readonly SupersededDamage[];
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
  const files = new Map<DayKey, DayFiles>();
  const before = await generationFolders(store, only);
  for (const day of new Set(before.map((one) => one.day)))
    files.set(day, await checkDayFiles(store, day, signal));
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
    const own = files.get(day) ?? (await checkDayFiles(store, day, signal));
    const { differences, pending } = await checkOneCopy(store, day, copy);
    days.push({
      day,
      generation,
      kind: sealed?.kind ?? null,
      rows: sealed?.counts.accepted ?? 0,
      compared: told ? told.compared : null,
      differences: [
        ...missingGenerations(day, folders, claims),
        ...own.differences,
        ...differences,
        ...first.differences,
      ],
      superseded: own.superseded,
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
