import type { CutPoint, LedgerEntry } from '../contracts/index.ts';
import { type ObjectStore, openColumns, readVerified, recordedSource } from '../store/index.ts';

/** Where a day ends in one source partition. */
export interface Cut extends CutPoint {
  /** Whether all that arrived before the limit is committed; else the cut is the ledger's end. */
  readonly reached: boolean;
  /** What it waits for, where the source was asked. */
  readonly waits?: Wait;
}

/** The ledger is behind the source's end by so many offsets, or the source does not say where that is. */
type Wait =
  | { readonly for: 'ingest'; readonly behind: number }
  | { readonly for: 'answer'; readonly reason: string };

/**
 * The first offset of a partition whose record arrived at or after `limitMs`, be it a row, bad or
 * filtered; the end of the ledger when none did. Rows at or beyond it are late for the day. A file at
 * rest is cut at its end.
 * @param entries the partition's verified ledger, in order; how it is parted into entries is no matter
 * @param limitMs a whole minute
 * @throws VamoError STORE_CORRUPT
 */
export async function findCut(
  store: ObjectStore,
  source: { readonly topic: string; readonly partition: number },
  entries: readonly LedgerEntry[],
  limitMs: number,
): Promise<Cut> {
  const { topic, partition } = source;
  // Files at rest are there as a whole: nothing in them came too late for its day.
  const end = (await recordedSource(store))?.ends?.[partition];
  if (end !== undefined)
    return {
      topic,
      partition,
      offset: String(end),
      reached: Number(entries.at(-1)?.to ?? 0) >= end,
    };
  const straddling = entries.find((entry) => entry.maxArrivalMs >= limitMs);
  if (straddling === undefined)
    return { topic, partition, offset: entries.at(-1)?.to ?? '0', reached: false };
  let first: number | undefined;
  const meet = (offset: number, arrivalMs: number): void => {
    if (arrivalMs >= limitMs && (first === undefined || offset < first)) first = offset;
  };
  for (const [offset, arrivalMs] of straddling.marks ?? []) meet(offset, arrivalMs);
  for (const segment of straddling.segments) {
    const table = openColumns(await readVerified(store, segment), segment.key);
    const arrivals = table.integers('arrival_ms');
    const offsets = table.integers('src_offset');
    for (let i = 0; i < table.rows; i++) meet(offsets[i] ?? 0, arrivals[i] ?? 0);
  }
  // Entries from before there were marks do not tell where a bad record passed the limit.
  return { topic, partition, offset: first?.toString() ?? straddling.to, reached: true };
}
