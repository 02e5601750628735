import type { BackfillPlan, LedgerEntry, PartitionManifest } from '../../contracts/index.ts';
import { largest, smallest } from '../../core/index.ts';

/**
 * The arrival time up to which all that a backfill's source had is known to be read; what arrived later
 * may be missing. Undefined for dead letters: only the live source that they are from can tell.
 * - A topic: the end of the planned time, when every partition went beyond it; else the latest arrival
 *   of the partition that came least far.
 * - Files: the latest arrival in any of them.
 * @param entries the backfill's own ledgers
 */
export function readUntil(
  { source }: BackfillPlan,
  entries: readonly LedgerEntry[],
): number | undefined {
  switch (source.kind) {
    case 'topic':
      return source.isWhole ? source.untilMs : smallest(latestArrivals(entries));
    case 'files':
      return largest(latestArrivals(entries));
    case 'dead-letters':
      return undefined;
  }
}

/** Of each partition that something was read from. */
function latestArrivals(entries: readonly LedgerEntry[]): number[] {
  const latest = new Map<number, number>();
  for (const { partition, maxArrivalMs } of entries)
    latest.set(partition, Math.max(maxArrivalMs, latest.get(partition) ?? 0));
  return [...latest.values()];
}

/**
 * Up to when the later conversions of a backfilled day are in: never beyond what was read, nor beyond
 * what those of the generation that it is merged into are. As with a seal, the conversions of the day
 * itself are not in question.
 * @param found.limit where rows of the day begin to be late
 * @param found.until as `readUntil` gives it
 */
export function labelsUntil(found: {
  readonly limit: number;
  readonly attributionMs: number;
  readonly base: Pick<PartitionManifest, 'rewardsUntilMs'> | undefined;
  readonly until: number | undefined;
}): number {
  const { limit, attributionMs, base, until = base?.rewardsUntilMs ?? limit } = found;
  const merged = base?.rewardsUntilMs ?? Infinity;
  return Math.min(limit + attributionMs, merged, Math.max(limit, until));
}
