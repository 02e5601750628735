import type { CutPoint, LedgerEntry } from '../contracts/index.ts';
import { type ObjectStore, openColumns, readVerified, recordedSource } from '../store/index.ts';

/** Where a day ends in one source partition. */
export interface Cut extends CutPoint {
  /** False when nothing that arrived at or after the limit is committed yet: the cut is the ledger's end. */
  readonly reached: boolean;
}

/**
 * The first offset of a partition whose record arrived at or after `limitMs`; the end of the ledger
 * when none did. Rows at or beyond it are late for the day. A file at rest is cut at its end.
 * @param entries the partition's verified ledger, in order
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
  // Bad records are not rows of any day, so when one of them arrived first the next row's offset,
  // or the end of the range, parts the rows just the same.
  let first: number | undefined;
  for (const segment of straddling.segments) {
    const table = openColumns(await readVerified(store, segment), segment.key);
    const arrivals = table.integers('arrival_ms');
    const offsets = table.integers('src_offset');
    for (let i = 0; i < table.rows; i++) {
      const offset = offsets[i] ?? 0;
      if ((arrivals[i] ?? 0) >= limitMs && (first === undefined || offset < first)) first = offset;
    }
  }
  return { topic, partition, offset: first?.toString() ?? straddling.to, reached: true };
}
