import type { DayCounts, SourceRecord } from '../contracts/index.ts';

/** A reward dated on the next day, from this day's exposures. */
export interface PendingReward {
  readonly campaign: number;
  readonly arrivalMs: number;
  readonly micro: number;
}

/** What one simulated day leaves to the next; plain JSON. */
export interface Carry {
  /** The next day's emission does not begin before this. */
  readonly lastArrivalMs: number;
  /** Records that arrive after this day's emission, in order of arrival. */
  readonly records: readonly SourceRecord[];
  /** Counts of the next day's partition so far. */
  readonly counts: DayCounts;
  readonly rewards: readonly PendingReward[];
}

export const NO_COUNTS: DayCounts = {
  records: 0,
  accepted: 0,
  duplicate: 0,
  late: 0,
  dead_lettered: 0,
};

export const EMPTY_CARRY: Carry = { lastArrivalMs: 0, records: [], counts: NO_COUNTS, rewards: [] };
