import {
  COUNT_RUNNING_LOADS,
  type Engine,
  LIVE_DAYS,
  SEGMENT_COLUMNS,
  TUNE_LIVE,
  countSegments,
  dropLiveDay,
  loadSegments,
  removeSegment,
} from '../clickhouse/index.ts';
import type { SegmentRef } from '../contracts/index.ts';
import { type DayKey, dayKey, isVamoError, throwIfAborted, VamoError } from '../core/index.ts';
import {
  listSealedDays,
  type ObjectStore,
  openLedger,
  readManifest,
  verifiedFile,
} from '../store/index.ts';
import { byPlace, inBatches, type Pending, type Pendings } from './live-batches.ts';
import { countPartitions } from './live.ts';
import type { Loader } from './copy-owner.ts';
import { loadIntoClickHouse } from './load.ts';
import { loadEach } from './load-each.ts';
import { unloadWithdrawn } from './unload.ts';

/** What one round put into ClickHouse. */
export interface LoadRound {
  readonly segments: number;
  readonly days: number;
  readonly rows: number;
}

/** Keeps a ClickHouse target up with ledgers and seals. One at a time for a target (role `loader`). */
export interface LiveLoader {
  /**
   * Loads the committed segments of open days, then the newest generation of every sealed day that is
   * not there; one that cannot be loaded does not keep the others out. Repeating it after any failure
   * is safe: what is there is asked for first.
   * @throws VamoError SQL_FAILED, SQL_UNREACHABLE, SQL_OWNED, DATA_LOCKED (another process loads too),
   *   STORE_CORRUPT, STORE_FULL, INGEST_LEDGER, INTERRUPTED
   */
  round(signal?: AbortSignal): Promise<LoadRound>;
  /** What the newest look at the store found that is not loaded. */
  pending(): { readonly segments: number; readonly days: number };
}

type Loaded = { -readonly [K in keyof LoadRound]: LoadRound[K] };

/** The next round asks what is there, takes it out and loads it again. */
const loadedTwice = ({ key }: SegmentRef): VamoError =>
  new VamoError('DATA_LOCKED', `another process loads into ClickHouse too: ${key} came twice`, {
    details: { key },
    mend: 'Let one process load into a database; the next round puts it right.',
  });

export function createLiveLoader(options: {
  readonly engine: Engine;
  readonly loader: Loader;
  readonly store: ObjectStore;
  readonly source: { readonly topic: string; readonly partitions: number };
}): LiveLoader {
  const { engine, loader, store, source } = options;
  /** By day: the generation that stands in ClickHouse. */
  const sealed = new Map<DayKey, number>();
  const waiting = new Map<string, Pending>();
  const tails: bigint[] = [];
  /** Days and partitions whose ranges this loader knows: what it did not load is not there. */
  const known = new Set<string>();
  let waitingDays: { readonly day: DayKey; readonly generation: number }[] = [];
  let prepared = false;

  async function look(): Promise<void> {
    // A topic may have got more of them since the last look.
    const partitions = await countPartitions(store, source);
    for (let p = 0; p < partitions; p++) {
      const tail = tails[p] ?? 0n;
      const entries = await openLedger(store, source.topic, p).entries(tail);
      for (const { topic, partition, from, to, segments } of entries)
        for (const segment of segments) {
          const range = { topic, partition, from: BigInt(from), to: BigInt(to) };
          waiting.set(segment.key, { segment, range: { ...range, day: dayKey(segment.day) } });
        }
      tails[p] = BigInt(entries.at(-1)?.to ?? tail);
    }
    const days = await listSealedDays(store);
    if ([...sealed.keys()].some((day) => !days.some((one) => one.day === day))) return startOver();
    waitingDays = days.filter(({ day, generation }) => sealed.get(day) !== generation);
    // Rows that come after the seal are late: they stay in their segments.
    const isSealed = new Set(days.map(({ day }) => day));
    for (const [key, { range }] of waiting) if (isSealed.has(range.day)) waiting.delete(key);
  }

  /** A day was withdrawn: its segments, if it has some, are those of an open day again. */
  async function startOver(): Promise<void> {
    sealed.clear();
    known.clear();
    tails.fill(0n);
    await prepare();
    await look();
  }

  /** What other processes sealed or withdrew before this loader looks is put right. */
  async function prepare(): Promise<void> {
    const days = (await listSealedDays(store)).map(({ day }) => day);
    await unloadWithdrawn(engine, loader, days);
    await engine.command(TUNE_LIVE).catch((error: unknown) => {
      // An older server refuses what it does not know, and merges as it is used to.
      if (!isVamoError(error, 'SQL_FAILED')) throw error;
    });
    const isSealed = new Set(days);
    for (const { day } of await engine.query<{ day: DayKey }>(LIVE_DAYS))
      if (isSealed.has(day)) await engine.command(dropLiveDay(day));
    prepared = true;
  }

  async function loadDay(
    { day, generation }: (typeof waitingDays)[number],
    done: Loaded,
  ): Promise<void> {
    const manifest = await readManifest(store, day, generation);
    if (await loadIntoClickHouse({ engine, loader, store, manifest })) {
      done.days += 1;
      done.rows += manifest.counts.accepted;
    }
    sealed.set(day, generation);
    waitingDays = waitingDays.filter((one) => one.day !== day);
  }

  /** How many rows of each segment are there already, by the offset it begins at. */
  async function present(ones: Pendings): Promise<ReadonlyMap<string, number>> {
    const [{ range }, ...others] = ones;
    const rows = await engine.query<{ from: string; rows: number }>(
      countSegments([range, ...others.map((one) => one.range)]),
    );
    return new Map(rows.map(({ from, rows: count }) => [from, count]));
  }

  /**
   * A server may still be at a statement whose answer was lost: what it will have put there cannot be
   * counted yet. Who may not look at `system.processes` goes on.
   * @throws VamoError DATA_LOCKED
   */
  async function requireQuiet(): Promise<void> {
    const found = await engine
      .query<{ running: number }>(COUNT_RUNNING_LOADS)
      .catch((error: unknown) => {
        if (!isVamoError(error, 'SQL_FAILED')) throw error;
        return [];
      });
    if ((found[0]?.running ?? 0) === 0) return;
    throw new VamoError('DATA_LOCKED', 'ClickHouse is still at an insert into events_live', {
      mend: 'Wait until it has ended (`system.processes` shows it), then run the same command again.',
    });
  }

  /** Takes off the list what is there, and out of the table what a torn load left of a segment. */
  async function missingOf(ones: Pendings): Promise<Pending[]> {
    await requireQuiet();
    const held = await present(ones);
    const missing = [];
    for (const one of ones) {
      const rows = held.get(String(one.range.from)) ?? 0;
      if (rows === one.segment.rows) {
        waiting.delete(one.segment.key);
        continue;
      }
      if (rows > 0) await engine.command(removeSegment(one.range));
      missing.push(one);
    }
    return missing;
  }

  /** Segments of one day and partition by one statement. */
  async function loadTogether(ones: Pendings): Promise<void> {
    const paths = [];
    for (const { segment } of ones) paths.push((await verifiedFile(store, segment)).path);
    await engine.load({ paths, columns: SEGMENT_COLUMNS }, loadSegments(ones[0].range.day));
    const held = await present(ones);
    for (const { segment, range } of ones) {
      const found = held.get(String(range.from)) ?? 0;
      if (found > segment.rows) throw loadedTwice(segment);
      if (found !== segment.rows)
        throw new VamoError('STORE_FULL', `the engine could not write all of ${segment.key}`, {
          details: { key: segment.key, rows: segment.rows, found },
        });
    }
    for (const { segment } of ones) waiting.delete(segment.key);
  }

  async function loadOpenDays(signal: AbortSignal | undefined, done: Loaded): Promise<void> {
    for (const [place, ones] of byPlace(waiting.values())) {
      const missing = known.has(place) ? ones : await missingOf(ones);
      // Until it is done nobody knows what of it is there.
      known.delete(place);
      for (const together of inBatches(missing)) {
        throwIfAborted(signal);
        await loadTogether(together);
        done.segments += together.length;
        done.rows += together.reduce((sum, { segment }) => sum + segment.rows, 0);
      }
      known.add(place);
    }
  }

  return {
    pending: () => ({ segments: waiting.size, days: waitingDays.length }),
    async round(signal) {
      if (!prepared) await prepare();
      await look();
      const done = { segments: 0, days: 0, rows: 0 };
      await loadOpenDays(signal, done);
      await loadEach([...waitingDays], (one) => loadDay(one, done), signal);
      return done;
    },
  };
}
