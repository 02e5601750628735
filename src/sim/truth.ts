import { STEP_MS, STEPS } from '../core/index.ts';
import {
  type CampaignEvent,
  type DaySteps,
  emptyStepColumns,
  leastWinningCost,
  STEP_ROWS,
  type StepColumn,
} from '../contracts/index.ts';
import type { DayMarket } from './day-market.ts';
import { isExposed, paid, rivalBid, type StepRecording } from './recording.ts';

/** Sums what counts of one day, as the simulator itself knows it: no events are decoded for it. */
export interface Truth {
  /** Candidate `i` of a step's recording. */
  addOutcome(recording: StepRecording, i: number): void;
  addSeen(campaign: number, arrivalMs: number, micro: number): void;
  addAttributed(campaign: number, step: number, micro: number): void;
  daySteps(): DaySteps;
}

/** @param reserve micro-units */
export function createTruth(market: DayMarket, reserve: number): Truth {
  const columns = market.campaigns.map(() => emptyStepColumns());
  const add = (campaign: number, column: StepColumn, step: number, by: number): void => {
    const sums = columns[campaign]?.[column];
    if (sums) sums[step] = (sums[step] ?? 0) + by;
  };
  return {
    addOutcome(recording, i) {
      const { step } = recording;
      const c = recording.campaign[i] ?? 0;
      const pv = recording.pv[i] ?? 0;
      add(c, 'outcomes', step, 1);
      add(c, 'pv', step, pv);
      add(c, 'bid', step, recording.bid[i] ?? 0);
      add(c, 'lwc', step, leastWinningCost(rivalBid(recording, i, 3), reserve));
      if ((recording.slot[i] ?? 0) > 0) add(c, 'wins', step, 1);
      if (!isExposed(recording, i)) return;
      add(c, 'exposures', step, 1);
      add(c, 'cost', step, paid(recording, i, reserve));
      add(c, 'pv_won', step, pv);
    },
    addSeen(c, arrivalMs, micro) {
      const step = Math.floor((arrivalMs - market.startMs) / STEP_MS);
      if (step >= 0 && step < STEPS) add(c, 'reward_seen', step, micro);
    },
    addAttributed: (c, step, micro) => add(c, 'reward_attributed', step, micro),
    daySteps() {
      const campaigns = columns.map((sums, c) => {
        setBudgets(sums, market.campaignEvents[c] ?? [], market.startMs);
        const { campaignId, advertiserId, task } = market.observe(c);
        return { campaignId, advertiserId, task, columns: sums };
      });
      return { day: market.day, campaigns };
    },
  };
}

function setBudgets(
  sums: Record<StepColumn, Float64Array>,
  events: readonly CampaignEvent[],
  startMs: number,
): void {
  let spent = 0;
  for (let row = 0; row < STEP_ROWS; row++) {
    const event = events.findLast((e) => e.event_time <= startMs + row * STEP_MS);
    sums.budget[row] = event?.budget ?? 0;
    sums.active[row] = event?.status === 'active' ? 1 : 0;
    sums.remaining[row] = (event?.budget ?? 0) - spent;
    spent += sums.cost[row] ?? 0;
  }
}
