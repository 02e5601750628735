import { MINUTE_MS, type VamoError } from '../core/index.ts';
import type { Cut } from './cut.ts';

/** Where a source ended when it was asked. */
export interface SourceEnd {
  /** By partition: the offset that its next record will have. */
  readonly ends: readonly number[];
  /** When it was asked, wall clock, ms. */
  readonly askedMs: number;
  /** Whether the source itself stamps arrivals: a record that comes later has then arrived later. */
  readonly stampsArrivals: boolean;
}

/** Asks the source of the live ledgers where it ends; gives the error when it does not answer. */
export type AskSource = () => Promise<SourceEnd | VamoError>;

/** Clocks of the source and of whoever asks may differ by this much. */
const SKEW_MS = MINUTE_MS;

/**
 * Whether what comes after the ends arrives at or after a time. A source that stamps arrivals says so by
 * the clock alone. Where producers give the time, a record of some partition must show it too: their
 * clock may be that of the past, as in a log that is played again.
 * @param newestMs the latest arrival that is committed in any partition
 */
function isPast(limitMs: number, end: SourceEnd, newestMs: number): boolean {
  if (end.askedMs - SKEW_MS < limitMs) return false;
  return end.stampsArrivals || newestMs >= limitMs;
}

/**
 * Says of each partition whose ledger shows nothing from the limit on whether it has all that came
 * before: it is ingested to where the source ends, and the time has passed. Its cut is then the ledger's
 * end. Else the cut says what it waits for.
 */
export function settleIdle(
  cuts: readonly Cut[],
  limitMs: number,
  answer: SourceEnd | VamoError,
  newestMs: number,
): Cut[] {
  return cuts.map((cut) => {
    if (cut.reached) return cut;
    if (answer instanceof Error)
      return { ...cut, waits: { for: 'answer', reason: answer.message } };
    const behind = (answer.ends[cut.partition] ?? 0) - Number(cut.offset);
    if (behind > 0) return { ...cut, waits: { for: 'ingest', behind } };
    return { ...cut, reached: isPast(limitMs, answer, newestMs) };
  });
}
