import type { BackfillPlan } from '../../contracts/index.ts';
import { type DayKey, VamoError } from '../../core/index.ts';
import { findNewest, type ObjectStore } from '../../store/index.ts';
import type { DayConfig } from '../build-options.ts';
import { liveDay, type LiveLedgers, readLive } from '../live.ts';
import { asAsked } from '../seal.ts';
import { findMade, requireNotPutBack } from './made.ts';
import { type BackfillState, daysOf } from './records.ts';

/**
 * Foresees what a day of a backfill would be refused for in the end, before anything of it is recorded
 * or read.
 * @throws VamoError DAY_UNSEALED a day has live rows and is still open; DAY_SEALED a day is sealed under
 *   another zone or lateness; BACKFILL_BUILT_ON an undo of this backfill was killed before its end
 */
export async function requireTakable(
  store: ObjectStore,
  config: DayConfig,
  backfill: Pick<BackfillState, 'plan' | 'days'>,
): Promise<void> {
  const live = await readLive(store, config.source);
  for (const day of daysOf(backfill.plan)) {
    const made = await findMade(store, backfill, day);
    if (made !== undefined) await requireNotPutBack(store, made, backfill.plan.id);
    const newest = await findNewest(store, day);
    if (newest !== undefined) asAsked(newest, config.days);
    else if (expectsRows(backfill.plan, day)) await requireNoLiveRows(store, live, day);
  }
}

/** A source is taken to have rows of each day named; dead letters, being few, of those they arrived on. */
function expectsRows({ source }: BackfillPlan, day: DayKey): boolean {
  return source.kind !== 'dead-letters' || source.files.some(({ byDay }) => day in byDay);
}

/** @throws VamoError DAY_UNSEALED when a day that is open has live rows */
export async function requireNoLiveRows(
  store: ObjectStore,
  live: LiveLedgers,
  day: DayKey,
): Promise<void> {
  if ((await liveDay(store, live, day)).segments.length === 0) return;
  throw new VamoError(
    'DAY_UNSEALED',
    `day ${day} has live rows and is still open: what was backfilled would shut them out`,
    {
      details: { day },
      mend: `Run \`vamo seal --day ${day}\` first, then the same backfill; or name other days.`,
    },
  );
}
