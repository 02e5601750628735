import type { BackfilledDay, PartitionManifest } from '../../contracts/index.ts';
import { type DayKey, dayKey, type Progress, VamoError } from '../../core/index.ts';
import {
  findManifest,
  findNewest,
  generationFolders,
  nextGeneration,
  type ObjectStore,
  withdrawDay,
} from '../../store/index.ts';
import { restoreGeneration } from '../undo.ts';
import { findMade } from './made.ts';
import { isPutBack, originOf } from './put-back.ts';
import { type BackfillState, daysOf, markBackfill, readBackfill } from './records.ts';

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
export async function undoBackfill(
  store: ObjectStore,
  id: string,
  progress?: Progress,
): Promise<UndoneDay[]> {
  const state = await readBackfill(store, id);
  if (state.isUndone) return [];
  const standing = await standingDays(store, state);
  const undone: UndoneDay[] = [];
  for (const { day: name, parent } of standing) {
    const day = dayKey(name);
    if (parent === null) {
      const generation = await nextGeneration(store, day);
      await withdrawDay(store, day, generation);
      undone.push({ day, generation, restored: null });
    } else {
      const origin = await originOf(store, name, parent);
      const { generation } = await restoreGeneration(store, day, origin);
      undone.push({ day, generation, restored: parent });
    }
    progress?.(undone.length, standing.length, day);
  }
  await markBackfill(store, id, 'undone');
  return undone;
}

/** The days of a backfill that still are as it made them, or left them. @throws VamoError BACKFILL_BUILT_ON */
async function standingDays(store: ObjectStore, state: BackfillState): Promise<BackfilledDay[]> {
  const standing: BackfilledDay[] = [];
  for (const day of daysOf(state.plan)) {
    const made = await findMade(store, state, day);
    if (made === undefined) {
      standing.push(...(await leftOpen(store, day, state.begun)));
      continue;
    }
    const newest = await findNewest(store, day);
    if (newest === undefined) continue;
    if (await isPutBack(store, made)) continue;
    // What counts, where the newest only names the files of an older one.
    const { restored } = newest.inputs;
    const origin = restored === null ? undefined : await findManifest(store, day, restored);
    const top = origin ?? newest;
    if (top.generation !== made.generation) throw builtOn(day, made, top);
    standing.push(made);
  }
  return standing;
}

function builtOn(day: DayKey, made: BackfilledDay, top: PartitionManifest): VamoError {
  const newer = top.kind === 'backfill' ? top.inputs.backfill?.id : undefined;
  const by = newer === undefined ? top.kind : `backfill ${newer}`;
  return new VamoError(
    'BACKFILL_BUILT_ON',
    `day ${day}: generation ${top.generation} (${by}) was made after generation ${made.generation} of this backfill`,
    {
      details: { day, newest: top.generation, backfilled: made.generation, newer: newer ?? null },
      mend:
        newer === undefined
          ? 'An amended day stays as it is; pin an older generation instead.'
          : `Run \`vamo backfill --undo ${newer}\` first.`,
    },
  );
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
