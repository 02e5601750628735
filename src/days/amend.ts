import { isMature, type PartitionManifest } from '../contracts/index.ts';
import { DAY_MS, VamoError } from '../core/index.ts';
import { readManifest } from '../store/index.ts';
import { buildGeneration } from './build.ts';
import type { BuildOptions } from './build-options.ts';
import { cutsAt, endsOf, lastArrival, liveDay, readLive, segmentsBetween } from './live.ts';
import type { DayReport } from './report.ts';
import { asAsked, withWindowOf } from './seal.ts';

/**
 * The day's next generation, with its late rows in. Unchanged when there are none.
 * @throws VamoError DAY_UNSEALED; DAY_SEALED when late rows are dropped by configuration, or the day
 *   was sealed under another zone or lateness; and those of building
 */
export async function amendDay(options: BuildOptions): Promise<PartitionManifest> {
  const { store, day, config } = options;
  const newest = asAsked(await readManifest(store, day), config.days);
  if (config.days.late === 'drop')
    throw new VamoError('DAY_SEALED', `days.late: "drop"; day ${day} takes no late rows`, {
      details: { day },
      mend: 'Set `days.late` to "amend" or "auto" to take late rows in.',
    });
  const live = await readLive(store, config.source);
  const cut = endsOf(live);
  const late = segmentsBetween((await liveDay(store, live, day)).segments, newest.cut);
  if (late.length === 0) return newest;
  const mature = await cutsAt(store, live, newest.matureAtMs);
  const isComplete = isMature(newest) || mature.every(({ reached }) => reached);
  return buildGeneration(withWindowOf(newest, options), {
    kind: 'amend',
    generation: newest.generation + 1,
    parent: newest,
    base: newest,
    live,
    from: newest.cut,
    cut,
    // Labels change when they mature, and then once.
    // A late outcome's conversions may have been passed over before it came; a replaced day keeps none.
    rewardFrom: newest.inputs.backfill?.mode === 'replace' ? newest.inputs.rewardCut : [],
    rewardCut: isComplete ? mature : newest.inputs.rewardCut,
    rewardsUntilMs: isComplete ? newest.matureAtMs : newest.rewardsUntilMs,
    arrivedUntilMs: Math.max(newest.arrivedUntilMs, lastArrival(live)),
  });
}

/**
 * Whether `days.late: auto` has a day amended now: more late rows than allowed, and at most one
 * amendment for each day of arrivals.
 * @param arrivedMs the latest arrival that is committed
 */
export function isAmendDue(
  report: Pick<DayReport, 'late' | 'records'>,
  newest: Pick<PartitionManifest, 'arrivedUntilMs'>,
  arrivedMs: number,
  rule: { readonly autoShare: number; readonly autoRows: number },
): boolean {
  const late = report.late ?? 0;
  const many = late > rule.autoRows || late > rule.autoShare * report.records;
  return late > 0 && many && arrivedMs >= newest.arrivedUntilMs + DAY_MS;
}
