import type { BackfilledDay, PartitionManifest } from '../../contracts/index.ts';
import { type DayKey, dayKey, VamoError } from '../../core/index.ts';
import { findManifest, listGenerations, type ObjectStore } from '../../store/index.ts';
import { isPutBack } from './put-back.ts';
import type { BackfillState } from './records.ts';

export const recordOf = ({
  day,
  generation,
  parent,
}: Pick<PartitionManifest, 'day' | 'generation' | 'parent'>): BackfilledDay => ({
  schema: 'backfilled-day/v1',
  day,
  generation,
  parent,
});

/**
 * The generation that a backfill made of a day: as it is recorded, or as it is found where a kill came
 * between the manifest and its record.
 */
export async function findMade(
  store: ObjectStore,
  { plan, days }: Pick<BackfillState, 'plan' | 'days'>,
  day: DayKey,
): Promise<BackfilledDay | undefined> {
  const recorded = days.find((one) => one.day === day);
  if (recorded !== undefined) return recorded;
  for (const generation of await listGenerations(store, day)) {
    const manifest = await findManifest(store, day, generation);
    if (manifest?.kind === 'backfill' && manifest.inputs.backfill?.id === plan.id)
      return recordOf(manifest);
  }
  return undefined;
}

/** @throws VamoError BACKFILL_BUILT_ON when an undo put the day back and was killed before its end */
export async function requireNotPutBack(
  store: ObjectStore,
  made: BackfilledDay,
  id: string,
): Promise<void> {
  if (!(await isPutBack(store, made))) return;
  throw new VamoError(
    'BACKFILL_BUILT_ON',
    `day ${made.day}: an undo of backfill ${id} put it back and was killed before its end`,
    {
      details: { id, day: made.day },
      mend: `Run \`vamo backfill --undo ${id}\` to its end first.`,
    },
  );
}

/** Rows of a day before a backfill and after it; 0 where the day was not there. */
export interface DayRows {
  readonly before: number;
  readonly after: number;
}

/** @throws VamoError STORE_CORRUPT */
export async function rowsOf(
  store: ObjectStore,
  { day, generation, parent }: BackfilledDay,
): Promise<DayRows> {
  const rowsIn = async (of: number): Promise<number> =>
    (await findManifest(store, dayKey(day), of))?.counts.accepted ?? 0;
  return {
    before: parent === null ? 0 : await rowsIn(parent),
    after: await rowsIn(generation),
  };
}
