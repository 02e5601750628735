import type { BackfilledDay } from '../../contracts/index.ts';
import { type DayKey, dayKey, VamoError } from '../../core/index.ts';
import {
  findNewest,
  generationFolders,
  nextGeneration,
  type ObjectStore,
  withdrawDay,
} from '../../store/index.ts';
import { restoreGeneration } from '../undo.ts';
import { daysOf, findPublished } from './publish.ts';
import { isPutBack, originOf } from './put-back.ts';
import { markBackfill, readBackfill } from './records.ts';

/** What undoing made of a day: a generation that names the former files, or no day any more. */
export interface UndoneDay {
  readonly day: string;
  readonly generation: number;
  /** The generation whose files count again; null = the day was not there before. */
  readonly restored: number | null;
}

/**
 * Puts every day that a backfill made back to the generation before it. Repeating is fine: days put
 * back already are left alone. The caller holds the role `sealer`.
 * @throws VamoError BACKFILL_UNKNOWN; BACKFILL_BUILT_ON when a day has newer generations that were built
 *   on the backfilled one: nothing is changed then
 */
export async function undoBackfill(store: ObjectStore, id: string): Promise<UndoneDay[]> {
  const { plan, days, begun, isUndone } = await readBackfill(store, id);
  if (isUndone) return [];
  const open: BackfilledDay[] = [];
  for (const day of daysOf(plan)) {
    // A kill may have come between a day's manifest and its record.
    const known = days.find((one) => one.day === day);
    const made = known ?? (await findPublished(store, day, id));
    if (made === undefined) {
      open.push(...(await leftOpen(store, day, begun)));
      continue;
    }
    const newest = await findNewest(store, day);
    if (newest === undefined) continue;
    if (await isPutBack(store, made)) continue;
    // What counts, where the newest only names the files of an older one.
    const effective = newest.inputs.restored ?? newest.generation;
    if (effective !== made.generation)
      throw new VamoError(
        'BACKFILL_BUILT_ON',
        `day ${day}: generation ${newest.generation} (${newest.kind}) was made after generation ${made.generation} of this backfill`,
        { details: { day, newest: newest.generation, backfilled: made.generation } },
      );
    open.push(made);
  }
  const undone: UndoneDay[] = [];
  for (const { day: name, parent } of open) {
    const day = dayKey(name);
    if (parent === null) {
      const generation = await nextGeneration(store, day);
      await withdrawDay(store, day, generation);
      undone.push({ day, generation, restored: null });
    } else {
      const { generation } = await restoreGeneration(
        store,
        day,
        await originOf(store, name, parent),
      );
      undone.push({ day, generation, restored: parent });
    }
  }
  await markBackfill(store, id, 'undone');
  return undone;
}

/**
 * The generation of which a killed build of the backfill left files and no manifest. The undo takes its
 * number: nobody can make it any more, and its files are those of no generation.
 */
async function leftOpen(
  store: ObjectStore,
  day: DayKey,
  begun: readonly BackfilledDay[],
): Promise<BackfilledDay[]> {
  const next = await nextGeneration(store, day);
  const isLeft = (await generationFolders(store, day)).some(
    ({ generation }) => generation === next,
  );
  return begun.filter((one) => isLeft && one.day === day && one.generation === next);
}
