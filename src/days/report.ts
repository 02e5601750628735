import type { PartitionManifest } from '../contracts/index.ts';
import { type DayKey, dayKey } from '../core/index.ts';
import { type ObjectStore, listSealedDays, readLedgers, readManifest } from '../store/index.ts';

/**
 * How a day stands. `records` = accepted + duplicate + late + dead_lettered once it is sealed; in an
 * open day the first three cannot be told apart yet and are null.
 */
export interface DayReport {
  readonly day: DayKey;
  readonly sealed: boolean;
  /** Committed rows of the day and bad records that arrived on it. */
  readonly records: number;
  readonly accepted: number | null;
  readonly duplicate: number | null;
  /** Rows beyond the cut; counted now, so it grows after the seal when more arrive. */
  readonly late: number | null;
  readonly dead_lettered: number;
  readonly generation: number | null;
  readonly digest: string | null;
}

interface Committed {
  rows: number;
  dead: number;
}

/**
 * Every day with committed records, in order, from ledgers and manifests alone: no engine, no
 * segment is opened.
 * @throws VamoError INGEST_LEDGER, STORE_CORRUPT
 */
export async function dayReports(store: ObjectStore): Promise<DayReport[]> {
  const days = await committedCounts(store);
  const sealed = new Map<DayKey, PartitionManifest>();
  for (const { day, generation } of await listSealedDays(store)) {
    sealed.set(day, await readManifest(store, day, generation));
    if (!days.has(day)) days.set(day, { rows: 0, dead: 0 });
  }
  return [...days]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([day, committed]) => report(day, committed, sealed.get(day)));
}

async function committedCounts(store: ObjectStore): Promise<Map<DayKey, Committed>> {
  const days = new Map<DayKey, Committed>();
  const at = (name: string): Committed => {
    const day = dayKey(name);
    const counts = days.get(day) ?? { rows: 0, dead: 0 };
    days.set(day, counts);
    return counts;
  };
  for (const entry of await readLedgers(store)) {
    for (const segment of entry.segments) at(segment.day).rows += segment.rows;
    for (const [day, count] of Object.entries(entry.deadLetters?.byDay ?? {}))
      at(day).dead += count;
  }
  return days;
}

function report(day: DayKey, { rows, dead }: Committed, sealed?: PartitionManifest): DayReport {
  const kept = sealed?.counts ?? null;
  return {
    day,
    sealed: kept !== null,
    records: rows + dead,
    accepted: kept?.accepted ?? null,
    duplicate: kept?.duplicate ?? null,
    late: kept && kept.late + rows - (kept.records - kept.dead_lettered),
    dead_lettered: dead,
    generation: sealed?.generation ?? null,
    digest: sealed?.digest ?? null,
  };
}
