import type { CampaignResult, CampaignSteps } from '../contracts/index.ts';

/**
 * A day in which campaigns bid, played in lockstep: every campaign's step t before any step t + 1.
 * Two implementations: replay of a sealed day's log (eval) and the whole-market simulator (sim).
 */
export interface Market {
  readonly campaigns: readonly MarketCampaign[];
  /** Back to the start of the day; the same draws again. */
  reset(): void;
  /** The step to be played next, 0..96. */
  readonly step: number;
  /** A campaign's sums so far: rows before `step` are filled; at `step` budget, remaining, active. */
  observe(campaign: number): CampaignSteps;
  /** Plays the next step; each campaign bids round(alpha * pv / 1000) micro-units (pv in nano). NaN alpha = the logged bids (replay only). */
  play(alphas: Float64Array): void;
  /** Results after step 96 has been reached. */
  results(): CampaignResult[];
}

export interface MarketCampaign {
  readonly campaignId: string;
  readonly task: string;
  /** Micro-units at the start of the day. */
  readonly budget: number;
}

/** Chooses every campaign's alpha for the market's next step. */
export interface Policy {
  readonly name: string;
  /** Called once before step 0. */
  start?(market: Market): void | Promise<void>;
  choose(market: Market): Float64Array | Promise<Float64Array>;
}

/** Plays a whole day. */
export async function playDay(market: Market, policy: Policy): Promise<CampaignResult[]> {
  market.reset();
  await policy.start?.(market);
  while (market.step < 96) market.play(await policy.choose(market));
  return market.results();
}
