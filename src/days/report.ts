import { isMature, type LedgerEntry, type PartitionManifest } from '../contracts/index.ts';
import { type DayKey, dayKey } from '../core/index.ts';
import { followLedgers, type ObjectStore, listSealedDays, readManifest } from '../store/index.ts';
import { replayedByDay } from './backfill/replayed.ts';

/**
 * How a day stands. `records` = accepted + duplicate + late + dead_lettered + replayed + replaced once it
 * is sealed; in an open day the first three cannot be told apart yet and are null.
 */
export interface DayReport {
  readonly day: DayKey;
  readonly sealed: boolean;
  /**
   * Committed rows of the day and bad records that arrived on it, and what backfills read for it. What
   * several of these bring counts each time: the first is accepted, the others are duplicates.
   */
  readonly records: number;
  readonly accepted: number | null;
  readonly duplicate: number | null;
  /** Rows beyond the cut; counted now, so it grows after the seal when more arrive. */
  readonly late: number | null;
  /** Bad records that no replay could read. */
  readonly dead_lettered: number;
  /** Bad records that a replay could read: rows now, of the day on which they happened. */
  readonly replayed: number;
  /** Records whose place was taken by a backfill with `--mode replace`. */
  readonly replaced: number;
  readonly generation: number | null;
  /** How the newest generation came to be. */
  readonly kind: PartitionManifest['kind'] | null;
  readonly digest: string | null;
  /** Whether every conversion that counts for the day is in its labels. */
  readonly mature: boolean | null;
  /** Arrival time from which on no conversion counts for the day any more, ms. */
  readonly mature_at_ms: number | null;
}

/** What was read from the source: records = filtered + dead_lettered + repeated + kept. */
export interface SourceTotals {
  readonly records: number;
  /** Left out by a mapping; they belong to no day. */
  readonly filtered: number;
  readonly dead_lettered: number;
  /** Gave only events that many lines give and that stood in their offset range already: no row. */
  readonly repeated: number;
  /** Records that gave one row or, by a mapping, several. */
  readonly kept: number;
  /** Of all days: accepted + duplicate + late, those of backfills left aside. */
  readonly rows: number;
}

/** Adds up what the ledgers say of every record that was read. */
export function sourceTotals(entries: readonly LedgerEntry[]): SourceTotals {
  const sum = (of: (entry: LedgerEntry) => number): number =>
    entries.reduce((total, entry) => total + of(entry), 0);
  const records = sum((entry) => entry.records);
  const filtered = sum((entry) => entry.filtered ?? 0);
  const dead_lettered = sum((entry) => entry.deadLetters?.rows ?? 0);
  const repeated = sum((entry) => entry.repeated ?? 0);
  const rows = sum(({ segments }) => segments.reduce((n, segment) => n + segment.rows, 0));
  const kept = records - filtered - dead_lettered - repeated;
  return { records, filtered, dead_lettered, repeated, kept, rows };
}

interface Committed {
  readonly rows: number;
  readonly dead: number;
  readonly replayed: number;
}

/**
 * Every day with committed records, in order, from ledgers and manifests alone: no engine, no
 * segment is opened.
 * @param entries the ledgers, when they have been read already
 * @throws VamoError INGEST_LEDGER, STORE_CORRUPT
 */
export function dayReports(
  store: ObjectStore,
  entries?: readonly LedgerEntry[],
): Promise<DayReport[]> {
  if (entries === undefined) return followDays(store)();
  const days: Counts = new Map();
  for (const entry of entries) count(days, entry);
  return reportsOf(store, days, new Map());
}

/**
 * As `dayReports`, for who asks again and again: a call reads what was committed or sealed since the one
 * before, and calls must not overlap.
 */
export function followDays(store: ObjectStore): () => Promise<DayReport[]> {
  const readOn = followLedgers(store);
  const days: Counts = new Map();
  const manifests: Manifests = new Map();
  return async () => {
    await readOn((entry) => count(days, entry));
    return reportsOf(store, days, manifests);
  };
}

type Counts = Map<DayKey, { rows: number; dead: number }>;
/** Generations do not change. */
type Manifests = Map<DayKey, PartitionManifest>;

function count(days: Counts, entry: LedgerEntry): void {
  const add = (name: string, rows: number, dead: number): void => {
    const day = dayKey(name);
    const known = days.get(day);
    days.set(day, { rows: (known?.rows ?? 0) + rows, dead: (known?.dead ?? 0) + dead });
  };
  for (const segment of entry.segments) add(segment.day, segment.rows, 0);
  for (const [day, bad] of Object.entries(entry.deadLetters?.byDay ?? {})) add(day, 0, bad);
}

async function reportsOf(
  store: ObjectStore,
  counts: Counts,
  manifests: Manifests,
): Promise<DayReport[]> {
  const replays = await replayedByDay(store);
  const sealed = new Set<DayKey>();
  for (const { day, generation } of await listSealedDays(store)) {
    sealed.add(day);
    if (manifests.get(day)?.generation !== generation)
      manifests.set(day, await readManifest(store, day, generation));
  }
  return [...new Set([...counts.keys(), ...[...replays.keys()].map(dayKey), ...sealed])]
    .sort()
    .map((day) =>
      report(
        day,
        { rows: 0, dead: 0, ...counts.get(day), replayed: replays.get(day) ?? 0 },
        sealed.has(day) ? manifests.get(day) : undefined,
      ),
    );
}

function report(
  day: DayKey,
  { rows, dead, replayed }: Committed,
  sealed?: PartitionManifest,
): DayReport {
  if (sealed === undefined)
    return {
      day,
      sealed: false,
      records: rows + dead,
      accepted: null,
      duplicate: null,
      late: null,
      dead_lettered: dead - replayed,
      replayed,
      replaced: 0,
      generation: null,
      kind: null,
      digest: null,
      mature: null,
      mature_at_ms: null,
    };
  const { counts, inputs, generation, kind, digest } = sealed;
  const late = counts.late + rows - inputs.live.rows;
  const dead_lettered = counts.dead_lettered + dead - inputs.live.dead - replayed;
  const replaced = inputs.replaced ?? 0;
  return {
    day,
    sealed: true,
    records: counts.accepted + counts.duplicate + late + dead_lettered + replayed + replaced,
    accepted: counts.accepted,
    duplicate: counts.duplicate,
    late,
    dead_lettered,
    replayed,
    replaced,
    generation,
    kind,
    digest,
    mature: isMature(sealed),
    mature_at_ms: sealed.matureAtMs,
  };
}
