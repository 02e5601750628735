import { type DayKey, dayOf } from '../core/index.ts';
import { withoutValues } from '../ingest/index.ts';
import { committedOfDay, type ObjectStore, readVerified } from '../store/index.ts';
import type { LedgerEntry } from '../contracts/index.ts';

/** Bad records of a day that are bad for one reason. */
export interface BadRecords {
  /** Of the first of them; the others' differ in the values they name. */
  readonly reason: string;
  records: number;
  /** TOPIC/PARTITION/OFFSET of the first. */
  readonly first: string;
  /** The dead-letter file that holds it. */
  readonly file: string;
}

/** A line of a dead-letter file, as `createRangeBuffer` writes it. */
interface Letter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly arrival_ms: number;
  readonly reason: string;
}

/**
 * The bad records of the source that arrived on a day, by reason, the most frequent first.
 * @throws VamoError STORE_CORRUPT
 */
export async function badRecordsOf(
  store: ObjectStore,
  day: DayKey,
  { entries, utcOffsetMinutes }: { entries: readonly LedgerEntry[]; utcOffsetMinutes: number },
): Promise<BadRecords[]> {
  const reasons = new Map<string, BadRecords>();
  for (const file of (await committedOfDay(store, day, entries)).deadLetters) {
    const lines = Buffer.from(await readVerified(store, file)).toString();
    for (const line of lines.trimEnd().split('\n')) {
      // Written by this program, and held against its digest.
      const { topic, partition, offset, arrival_ms, reason } = JSON.parse(line) as Letter;
      if (dayOf(arrival_ms, utcOffsetMinutes) !== day) continue;
      const first = `${topic}/${String(partition)}/${String(offset)}`;
      const kind = withoutValues(reason);
      const known = reasons.get(kind) ?? { reason, records: 0, first, file: file.key };
      known.records += 1;
      reasons.set(kind, known);
    }
  }
  return [...reasons.values()].sort((a, b) => b.records - a.records);
}
