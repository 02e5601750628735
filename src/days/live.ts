import type { CutPoint, LedgerEntry } from '../contracts/index.ts';
import { addDays, DAY_MS, type DayKey, largest } from '../core/index.ts';
import {
  type CommittedDay,
  committedOfDay,
  type ObjectStore,
  openLedger,
  recordedSource,
} from '../store/index.ts';
import type { BuildOptions } from './build-options.ts';
import { type Cut, findCut } from './cut.ts';
import { settleIdle } from './source-end.ts';

type Segment = CommittedDay['segments'][number];

/** The ledgers of the configured source, read once. */
export interface LiveLedgers {
  readonly topic: string;
  /** The verified chain of each partition. */
  readonly partitions: readonly (readonly LedgerEntry[])[];
}

/** The number of partitions that are taken in: the recorded one, before the first ingest the configured one. */
export async function countPartitions(
  store: ObjectStore,
  configured: { readonly partitions: number },
): Promise<number> {
  return ((await recordedSource(store)) ?? configured).partitions;
}

/** @throws VamoError INGEST_LEDGER, STORE_CORRUPT */
export async function readLive(
  store: ObjectStore,
  source: { readonly topic: string; readonly partitions: number },
): Promise<LiveLedgers> {
  const partitions: LedgerEntry[][] = [];
  const count = await countPartitions(store, source);
  for (let p = 0; p < count; p++)
    partitions.push(await openLedger(store, source.topic, p).entries());
  return { topic: source.topic, partitions };
}

/** Where each partition is parted by what arrived before and at or after a time. */
export function cutsAt(store: ObjectStore, live: LiveLedgers, limitMs: number): Promise<Cut[]> {
  const { topic } = live;
  return Promise.all(
    live.partitions.map((entries, partition) =>
      findCut(store, { topic, partition }, entries, limitMs),
    ),
  );
}

/**
 * The same, where partitions to which nothing comes any more may have reached the limit as well: where a
 * ledger does not show it, the source is asked.
 */
export async function settledCuts(
  { store, askSource }: Pick<BuildOptions, 'store' | 'askSource'>,
  live: LiveLedgers,
  limitMs: number,
): Promise<Cut[]> {
  const cuts = await cutsAt(store, live, limitMs);
  if (askSource === undefined || cuts.every(({ reached }) => reached)) return cuts;
  return settleIdle(cuts, limitMs, await askSource(), lastArrival(live));
}

/** The end of each partition's ledger. */
export function endsOf({ topic, partitions }: LiveLedgers): CutPoint[] {
  return partitions.map((entries, partition) => ({
    topic,
    partition,
    offset: entries.at(-1)?.to ?? '0',
  }));
}

/** The latest arrival that is committed; 0 when nothing is. */
export function lastArrival({ partitions }: LiveLedgers): number {
  return Math.max(0, largest(partitions.map((entries) => entries.at(-1)?.maxArrivalMs ?? 0)));
}

/**
 * Whether every partition goes back to a time, as far as can be seen without opening a segment: what its
 * first range holds had arrived by then.
 */
export function goesBackTo({ partitions }: LiveLedgers, timeMs: number): boolean {
  return partitions.every((entries) => {
    // A range that only passes over deleted offsets tells of no time.
    const first = entries.find(({ records }) => records > 0);
    return (first?.maxArrivalMs ?? Infinity) <= timeMs;
  });
}

/** The committed segments and dead letters of a day. */
export function liveDay(store: ObjectStore, live: LiveLedgers, day: DayKey): Promise<CommittedDay> {
  return committedOfDay(store, day, live.partitions.flat());
}

/** The days on which a conversion may fall that still counts for an outcome of `day`. */
export function laterDays(day: DayKey, attributionMs: number): DayKey[] {
  return Array.from({ length: Math.ceil(attributionMs / DAY_MS) }, (_, i) => addDays(day, i + 1));
}

/** The offset of a partition in a cut; '0' where the cut does not know it. */
export function offsetIn(cut: readonly CutPoint[], partition: number): bigint {
  return BigInt(cut.find((point) => point.partition === partition)?.offset ?? 0);
}

/** Segments with offsets from `from` on and, when given, below `to`. */
export function segmentsBetween(
  segments: readonly Segment[],
  from: readonly CutPoint[],
  to?: readonly CutPoint[],
): Segment[] {
  return segments.filter(
    (s) =>
      BigInt(s.to) > offsetIn(from, s.partition) &&
      (to === undefined || BigInt(s.from) < offsetIn(to, s.partition)),
  );
}
