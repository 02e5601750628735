import type { LedgerEntry } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import { withoutValues } from './decode-record.ts';

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
function findTooManyBad(
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

/** A bad record: where it is, and why it is bad. */
export interface BadPlace {
  readonly offset: number;
  readonly reason: string;
}

/** The first of the bad records whose reason most of them share, and how many those are. */
function commonestReason(bad: readonly BadPlace[]): {
  readonly first: BadPlace;
  readonly records: number;
} {
  const alike = new Map<string, { first: BadPlace; records: number }>();
  for (const { offset, reason } of bad) {
    const key = withoutValues(reason);
    const known = alike.get(key);
    if (known === undefined) alike.set(key, { first: { offset, reason }, records: 1 });
    else known.records += 1;
  }
  const [most] = [...alike.values()].sort((a, b) => b.records - a.records);
  if (most === undefined) throw new VamoError('INTERNAL', 'no record is bad');
  return most;
}

/** An offset range that is to be committed. */
interface BadRange extends Tally {
  readonly from: number;
  badRecords(): BadPlace[];
}

/**
 * Refuses an offset range when too many records are bad, of it and of those before it.
 * @param committed as of `findTooManyBad`
 * @throws VamoError INGEST_TOO_MANY_BAD with the reason that most share, and the first record of it
 */
export function refuseTooManyBad(
  range: BadRange,
  committed: Parameters<typeof findTooManyBad>[1],
  place: { readonly topic: string; readonly partition: number; readonly maxBadShare: number },
): void {
  const { topic, partition, maxBadShare } = place;
  const window = findTooManyBad(range, committed, maxBadShare);
  if (window === undefined) return;
  const { from } = range;
  const most = commonestReason(range.badRecords());
  const { offset, reason } = most.first;
  throw new VamoError(
    'INGEST_TOO_MANY_BAD',
    `${topic}/${partition}: ${window.bad} of the last ${window.records} records are bad, more than ingest.maxBadShare = ${maxBadShare}; ${most.records} of them as the one at offset ${offset} (${reason}); nothing from offset ${from} on was committed`,
    { details: { topic, partition, from, ...window, most } },
  );
}
