import type { LedgerEntry } from '../contracts/index.ts';

/** Below this many records a window says nothing about a producer: one poison record is not 5 %. */
export const BAD_WINDOW = 100;

/** Records of one offset range or more, and how many of them are bad. */
interface Tally {
  readonly records: number;
  readonly bad: number;
}

/**
 * A range with as many of those before it as make a window, when too many of both are bad; undefined when
 * not, or when there are too few to tell. Of a partition with few records many ranges make a window.
 * @param committed entries of the ranges before it, the newest first
 */
export function findTooManyBad(
  range: Tally,
  committed: readonly Pick<LedgerEntry, 'records' | 'deadLetters'>[],
  maxBadShare: number,
): Tally | undefined {
  const isBad = ({ records, bad }: Tally): boolean => bad > maxBadShare * records;
  // Once the producer is mended, what it did before stops nothing.
  if (!isBad(range)) return undefined;
  let { records, bad } = range;
  for (const entry of committed) {
    if (records >= BAD_WINDOW) break;
    records += entry.records;
    bad += entry.deadLetters?.rows ?? 0;
  }
  const window = { records, bad };
  return records >= BAD_WINDOW && isBad(window) ? window : undefined;
}
