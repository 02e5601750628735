import type { LedgerEntry, TaskSpec } from '../contracts/index.ts';
import {
  DAY_MS,
  type DayKey,
  type Logger,
  type Progress,
  VamoError,
  dayStartMs,
} from '../core/index.ts';
import { type CommittedDay, type ObjectStore, committedOfDay, openLedger } from '../store/index.ts';
import { type Cut, findCut } from './cut.ts';

export interface SealOptions {
  readonly store: ObjectStore;
  /** A directory of the sealer's own; what an interrupted seal left in it is thrown away. */
  readonly engineDir: string;
  readonly day: DayKey;
  readonly config: {
    readonly days: { readonly utcOffsetMinutes: number; readonly latenessMs: number };
    /** `reserve` in currency units. */
    readonly market: { readonly reserve: number };
    readonly tasks: readonly TaskSpec[];
    readonly source: { readonly topic: string; readonly partitions: number };
  };
  /**
   * Refuse with DAY_NOT_READY unless something that arrived at or after the cut is committed in
   * every partition. Leave it out when the source is known to be at its end.
   */
  readonly requireReached?: boolean;
  readonly log?: Logger;
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
}

/** What a seal takes in: fixed before the engine is opened. */
export interface SealPlan {
  readonly committed: CommittedDay;
  readonly cuts: readonly Cut[];
}

/** @throws VamoError DAY_MISSING, DAY_NOT_READY, INGEST_LEDGER, STORE_CORRUPT */
export async function planSeal({
  store,
  day,
  config,
  requireReached = false,
}: SealOptions): Promise<SealPlan> {
  const { topic, partitions } = config.source;
  const limitMs = dayStartMs(day, config.days.utcOffsetMinutes) + DAY_MS + config.days.latenessMs;
  const all: LedgerEntry[] = [];
  const cuts: Cut[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const entries = await openLedger(store, topic, partition).entries();
    all.push(...entries);
    cuts.push(await findCut(store, { topic, partition }, entries, limitMs));
  }
  const committed = await committedOfDay(store, day, all);
  if (committed.segments.length === 0)
    throw new VamoError('DAY_MISSING', `day ${day} has no committed events`, { details: { day } });
  const behind = cuts.filter((cut) => !cut.reached).map((cut) => cut.partition);
  if (requireReached && behind.length > 0)
    throw new VamoError(
      'DAY_NOT_READY',
      `day ${day}: nothing from ${new Date(limitMs).toISOString()} or later is ingested from partition ${behind.join(', ')} of ${topic}`,
      { details: { day, partitions: behind } },
    );
  return { committed, cuts };
}
