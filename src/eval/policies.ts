import { STEPS } from '../core/index.ts';
import type { TaskSpec } from '../contracts/index.ts';
import {
  type AlphaLimits,
  bangBangNext,
  type Planner,
  type PidState,
  pidNext,
} from '../features/index.ts';
import type { Market, MarketCampaign, Policy } from './market.ts';

/** What the pacing policies start from and stay within. */
export interface PacingOptions {
  readonly tasks: readonly TaskSpec[];
  /** First alpha of a campaign, currency per unit of reward; the task's unit price by default. */
  readonly startAlpha?: (campaign: MarketCampaign) => number;
}

/** The bids that were made (replay only). */
export function loggedPolicy(): Policy {
  return { name: 'logged', choose: (market) => filled(market, () => Number.NaN) };
}

/** One alpha a campaign all day. */
export function constantPolicy(
  name: string,
  alphaOf: (campaign: MarketCampaign) => number,
): Policy {
  return { name, choose: (market) => filled(market, (c) => alphaOf(campaignAt(market, c))) };
}

/** Pacing by PID along the training days' traffic. */
export function pidPolicy(
  options: PacingOptions & { readonly trafficShare: ArrayLike<number> },
): Policy {
  let states: PidState[] = [];
  return {
    name: 'pid',
    start(market) {
      states = market.campaigns.map((c) => ({ alpha: startAlpha(options, c), error: 0 }));
    },
    choose(market) {
      const share = options.trafficShare[market.step] ?? 1;
      states = states.map((state, c) => {
        const { budget, remaining } = market.observe(c).columns;
        const total = budget[market.step] ?? 0;
        const spend = {
          spent: total - (remaining[market.step] ?? 0),
          budget: total,
          trafficShare: share,
        };
        return pidNext(state, spend, limitsOf(options.tasks, campaignAt(market, c)));
      });
      return Float64Array.from(states, (state) => state.alpha);
    },
  };
}

/** Bang-bang feedback: the strongest simple anchor. */
export function bangBangPolicy(options: PacingOptions): Policy {
  let alphas = new Float64Array();
  return {
    name: 'bangbang',
    start(market) {
      alphas = Float64Array.from(market.campaigns, (c) => startAlpha(options, c));
    },
    choose(market) {
      const { step } = market;
      if (step === 0) return alphas;
      alphas = alphas.map((alpha, c) => {
        const { cost, remaining } = market.observe(c).columns;
        const spend = {
          stepsLeft: STEPS - step,
          lastCost: cost[step - 1] ?? 0,
          remaining: remaining[step] ?? 0,
        };
        return bangBangNext(alpha, spend, limitsOf(options.tasks, campaignAt(market, c)));
      });
      return alphas;
    },
  };
}

/**
 * A published or trained graph, through the bidders' own planner.
 * @param askedReturn the label to plan for; each task's own by default
 */
export function plannerPolicy(name: string, planner: Planner, askedReturn?: number): Policy {
  return {
    name,
    choose(market) {
      const { step } = market;
      const requests = market.campaigns.map(({ task }, c) => ({
        task,
        step,
        steps: market.observe(c),
      }));
      return planner.alphas(requests, askedReturn);
    },
  };
}

function filled(market: Market, alphaOf: (campaign: number) => number): Float64Array {
  return Float64Array.from(market.campaigns, (_, c) => alphaOf(c));
}

function campaignAt(market: Market, c: number): MarketCampaign {
  return market.campaigns[c] ?? { campaignId: '', task: '', budget: 0 };
}

/** Unit price of a campaign's task, the natural scale of its alpha. */
function priceOf(tasks: readonly TaskSpec[], campaign: MarketCampaign): number {
  return tasks.find((task) => task.id === campaign.task)?.unitPrice ?? 1;
}

function startAlpha({ tasks, startAlpha: given }: PacingOptions, campaign: MarketCampaign): number {
  return given ? given(campaign) : priceOf(tasks, campaign);
}

/** 0.05 to 5 unit prices. */
function limitsOf(tasks: readonly TaskSpec[], campaign: MarketCampaign): AlphaLimits {
  const price = priceOf(tasks, campaign);
  return { low: 0.05 * price, high: 5 * price };
}
