import { isMature, type PartitionManifest } from '../contracts/index.ts';
import { DAY_MS, VamoError } from '../core/index.ts';
import { findNewest, readManifest } from '../store/index.ts';
import { buildGeneration, type BuildPlan } from './build.ts';
import { type BuildOptions, withWindowOf } from './build-options.ts';
import type { Cut } from './cut.ts';
import {
  endsOf,
  goesBackTo,
  lastArrival,
  liveDay,
  type LiveLedgers,
  readLive,
  segmentsBetween,
  settledCuts,
} from './live.ts';
import type { DayReport } from './report.ts';
import { asAsked } from './seal.ts';

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
  const late = segmentsBetween((await liveDay(store, live, day)).segments, newest.cut);
  if (late.length === 0) return newest;
  const mature = await settledCuts(options, live, newest.matureAtMs);
  const isComplete = isMature(newest) || areAllIn(newest, live, mature);
  return buildNext(options, newest, live, {
    cut: endsOf(live),
    // Labels change when they mature, and then once.
    // A late outcome's conversions may have been passed over before it came; a replaced day keeps none.
    rewardFrom: newest.inputs.backfill?.mode === 'replace' ? newest.inputs.rewardCut : [],
    rewardCut: isComplete ? mature : newest.inputs.rewardCut,
    rewardsUntilMs: isComplete ? newest.matureAtMs : newest.rewardsUntilMs,
    arrivedUntilMs: Math.max(newest.arrivedUntilMs, lastArrival(live)),
  });
}

/**
 * Takes in the conversions of later days that arrived before the day's labels are mature, as the
 * day's next generation; no other row. Undefined when the day is mature already, or when not all
 * of them have been ingested.
 * @throws VamoError DAY_UNSEALED and those of building
 */
export async function matureDay(options: BuildOptions): Promise<PartitionManifest | undefined> {
  const { store, day, config } = options;
  const newest = await findNewest(store, day);
  if (newest === undefined || isMature(newest)) return undefined;
  const live = await readLive(store, config.source);
  const mature = await settledCuts(options, live, newest.matureAtMs);
  if (!areAllIn(newest, live, mature)) return undefined;
  return buildNext(options, newest, live, {
    cut: newest.cut,
    rewardFrom: newest.inputs.rewardCut,
    rewardCut: mature,
    rewardsUntilMs: newest.matureAtMs,
    arrivedUntilMs: newest.arrivedUntilMs,
  });
}

type Change = Pick<
  BuildPlan,
  'cut' | 'rewardFrom' | 'rewardCut' | 'rewardsUntilMs' | 'arrivedUntilMs'
>;

function buildNext(
  options: BuildOptions,
  newest: PartitionManifest,
  live: LiveLedgers,
  change: Change,
): Promise<PartitionManifest> {
  return buildGeneration(withWindowOf(newest, options), {
    kind: 'amend',
    generation: newest.generation + 1,
    parent: newest,
    base: newest,
    live,
    from: newest.cut,
    ...change,
  });
}

/**
 * Whether the live source has every conversion that counts for a day, once cut at its maturity. After a
 * backfill it must go back to where the backfill ended: what came in between is in neither.
 */
function areAllIn(newest: PartitionManifest, live: LiveLedgers, mature: readonly Cut[]): boolean {
  if (mature.some(({ reached }) => !reached)) return false;
  return newest.inputs.backfill === null || goesBackTo(live, newest.rewardsUntilMs);
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
