import type { DeadLetterRef, LedgerEntry, SegmentRef } from '../contracts/index.ts';
import { followLedgers, readLedgers } from './ledgers.ts';
import type { ObjectStore } from './object-store.ts';

/** Where committed rows came from. */
type Range = Pick<LedgerEntry, 'topic' | 'partition' | 'from' | 'to' | 'maxArrivalMs'>;

interface CommittedSegment extends Range, SegmentRef {}

interface CommittedDeadLetters extends Range, DeadLetterRef {}

/** What the ledgers hold of a day, in the order of topic, partition and offset. */
export interface CommittedDay {
  readonly segments: CommittedSegment[];
  /** Files with at least one bad record that arrived on the day (`byDay[day]` of them). */
  readonly deadLetters: CommittedDeadLetters[];
}

function rangeOf({ topic, partition, from, to, maxArrivalMs }: LedgerEntry): Range {
  return { topic, partition, from, to, maxArrivalMs };
}

/**
 * The committed segments and dead letters of a day. Files no entry names are invisible.
 * @param entries the ledgers, when they have been read already
 * @throws VamoError INGEST_LEDGER
 */
export async function committedOfDay(
  store: ObjectStore,
  day: string,
  entries?: readonly LedgerEntry[],
): Promise<CommittedDay> {
  const committed: CommittedDay = { segments: [], deadLetters: [] };
  for (const entry of entries ?? (await readLedgers(store))) {
    const range = rangeOf(entry);
    for (const segment of entry.segments)
      if (segment.day === day) committed.segments.push({ ...range, ...segment });
    const bad = entry.deadLetters;
    if ((bad?.byDay[day] ?? 0) > 0 && bad !== null)
      committed.deadLetters.push({ ...range, ...bad });
  }
  return committed;
}

/**
 * Segment and dead-letter files that no ledger entry names: left by writers that died, or lost the
 * race, between file and entry. No reader sees them. Files of a flush in progress are among them, so
 * delete only what is older than any writer.
 */
export async function findOrphans(store: ObjectStore): Promise<string[]> {
  // Files are listed before the entries, else a commit in between would look like an orphan.
  const unnamed = new Set(
    (await Promise.all(['seg', 'dlq'].map((folder) => store.list(folder)))).flat(),
  );
  await followLedgers(store)(({ segments, deadLetters }) => {
    for (const { key } of segments) unnamed.delete(key);
    if (deadLetters !== null) unnamed.delete(deadLetters.key);
  });
  return [...unnamed];
}
