import type { CampaignLog } from '../contracts/index.ts';

type Outcomes = CampaignLog['outcomes'];

/** Whether the log names competing bids at all: without them no other bid can be judged. */
export function hasCompetition({ competing1 }: Outcomes): boolean {
  return competing1.some((bid) => bid > 0);
}

/**
 * The position 1..3 a bid takes among the competing ones; 0 = lost. A bid equal to the logged one
 * keeps the logged slot; any other tie loses.
 */
export function positionOf(outcomes: Outcomes, i: number, bid: number): number {
  const slot = outcomes.slot[i] ?? 0;
  if (slot > 0 && bid === outcomes.bid[i]) return slot;
  if ((outcomes.competing3[i] ?? 0) >= bid) return 0;
  if ((outcomes.competing2[i] ?? 0) >= bid) return 3;
  return (outcomes.competing1[i] ?? 0) >= bid ? 2 : 1;
}

/** Whether a position was shown: as logged for the logged one; all are where the log does not say. */
export function isShown(outcomes: Outcomes, i: number, slot: number): boolean {
  if (slot === outcomes.slot[i]) return outcomes.exposed[i] === 1;
  const shown = outcomes.shown[i] ?? 0;
  return shown === 0 || slot <= shown;
}

/** What a position pays, micro-units: the competing bid just below it, at least the reserve. */
export function priceOf(outcomes: Outcomes, i: number, slot: number, reserve: number): number {
  const { competing1, competing2, competing3 } = outcomes;
  const below = slot === 1 ? competing1 : slot === 2 ? competing2 : competing3;
  return Math.max(below[i] ?? 0, reserve);
}
