import { limitOf } from '../contracts/index.ts';
import type { DayKey } from '../core/index.ts';
import { type ObjectStore, openColumns, readVerified } from '../store/index.ts';
import type { DayConfig } from './build-options.ts';
import { cutsAt, liveDay, type LiveLedgers, offsetIn, segmentsBetween } from './live.ts';

/**
 * How many rows a day has of which not one came in time: its cut is reached in every partition, and
 * nothing is below it. Undefined for any other day. A first generation of such a day would be empty.
 * @throws VamoError STORE_CORRUPT
 */
export async function lateOnlyRows(
  store: ObjectStore,
  live: LiveLedgers,
  { day, days }: { readonly day: DayKey; readonly days: DayConfig['days'] },
): Promise<number | undefined> {
  const { segments } = await liveDay(store, live, day);
  if (segments.length === 0) return undefined;
  const cut = await cutsAt(store, live, limitOf({ day, ...days }));
  if (cut.some(({ reached }) => !reached)) return undefined;
  for (const segment of segmentsBetween(segments, [], cut))
    if (await hasRowBelow(store, segment, offsetIn(cut, segment.partition))) return undefined;
  return segments.reduce((sum, { rows }) => sum + rows, 0);
}

type Segment = ReturnType<typeof segmentsBetween>[number];

/** Only a segment that the cut goes through is opened. */
async function hasRowBelow(store: ObjectStore, segment: Segment, cut: bigint): Promise<boolean> {
  if (BigInt(segment.to) <= cut) return true;
  const table = openColumns(await readVerified(store, segment), segment.key);
  return table.integers('src_offset').some((offset) => offset < cut);
}
