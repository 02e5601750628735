import { STEPS, VamoError } from '../core/index.ts';
import type { DayLog, DaySteps, TaskSpec } from '../contracts/index.ts';
import { campaignReturn, returnEfficiency } from '../features/index.ts';
import type { Market, Policy } from './market.ts';
import { hasCompetition } from './outcomes.ts';
import { constantPolicy } from './policies.ts';
import { createReplayMarket, type ReplayRules } from './replay.ts';

/** Per campaign, in the market's order: the best constant alpha in hindsight and its return R*. */
export interface BestConstants {
  readonly alphas: Float64Array;
  /** Units of the task's reward. */
  readonly returns: Float64Array;
}

/** Alphas searched, in unit prices of the task. */
const SEARCH = { low: 0.02, high: 5, points: 9, halvings: 4 };

/** The grid of constants first tried, in unit prices; the search then halves its spacing around the best. */
export const CONSTANT_GRID: readonly number[] = Array.from(
  { length: SEARCH.points },
  (_, i) => SEARCH.low * (SEARCH.high / SEARCH.low) ** (i / (SEARCH.points - 1)),
);

/**
 * The best constant alpha of every campaign in hindsight: 9 + 2 x 4 plays of the day, each with all
 * campaigns at once at alphas of their own, on a log grid halved around each campaign's best. Ties
 * go to the lower alpha. Meant for replay, where campaigns do not meet.
 */
export function bestConstant(market: Market, tasks: readonly TaskSpec[]): BestConstants {
  const { campaigns } = market;
  const prices = campaigns.map((c) => {
    const task = tasks.find((t) => t.id === c.task);
    if (!task) throw new VamoError('USAGE', `campaign ${c.campaignId}: no task "${c.task}"`);
    return task.unitPrice;
  });
  const alphas = new Float64Array(campaigns.length);
  const returns = new Float64Array(campaigns.length).fill(Number.NEGATIVE_INFINITY);
  const attempt = (tried: Float64Array): void => {
    market.reset();
    while (market.step < STEPS) market.play(tried);
    market.results().forEach(({ return: earned }, c) => {
      const best = returns[c] ?? 0;
      const alpha = tried[c] ?? 0;
      if (earned < best || (earned === best && alpha >= (alphas[c] ?? 0))) return;
      alphas[c] = alpha;
      returns[c] = earned;
    });
  };
  for (const units of CONSTANT_GRID) attempt(Float64Array.from(prices, (price) => units * price));
  let spacing = Math.log(SEARCH.high / SEARCH.low) / (SEARCH.points - 1);
  for (let round = 0; round < SEARCH.halvings; round++) {
    spacing /= 2;
    const centre = alphas.slice();
    attempt(centre.map((alpha) => alpha * Math.exp(-spacing)));
    attempt(centre.map((alpha) => alpha * Math.exp(spacing)));
  }
  return { alphas, returns };
}

/**
 * Another day's best constants as a policy. A campaign that day did not have gets the geometric mean
 * of its task.
 */
export function bestConstantPolicy(
  name: string,
  campaigns: Market['campaigns'],
  best: BestConstants,
): Policy {
  const own = new Map(campaigns.map((c, i) => [c.campaignId, best.alphas[i] ?? 0]));
  const ofTask = (task: string): number => {
    const logs = campaigns.flatMap((c, i) =>
      c.task === task ? Math.log(best.alphas[i] ?? 1) : [],
    );
    return logs.length > 0 ? Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length) : 0;
  };
  return constantPolicy(name, (c) => own.get(c.campaignId) ?? ofTask(c.task));
}

/** A campaign-day's return as a share of what could be had; the raw material of labels. */
export interface DayEfficiency {
  readonly campaignId: string;
  readonly task: string;
  readonly efficiency: number;
}

/**
 * e = R/R* of every campaign of a sealed day, R* by replay of its own log; R per currency unit of
 * budget where its log has no competing bids. Depends on that day alone.
 */
export function dayEfficiencies(
  log: DayLog,
  steps: DaySteps,
  rules: ReplayRules,
): readonly DayEfficiency[] {
  const market = createReplayMarket(log, steps, rules);
  const { returns } = bestConstant(market, rules.tasks);
  const logs = new Map(log.campaigns.map((c) => [c.campaignId, c]));
  const days = new Map(steps.campaigns.map((c) => [c.campaignId, c]));
  return market.campaigns.flatMap(({ campaignId, task }, c) => {
    const own = days.get(campaignId);
    const ownLog = logs.get(campaignId);
    if (own === undefined || ownLog === undefined) return [];
    const hindsight = hasCompetition(ownLog.outcomes) ? (returns[c] ?? 0) : null;
    const budget = own.columns.budget[STEPS] ?? 0;
    const efficiency = returnEfficiency(campaignReturn(own), hindsight, budget);
    return [{ campaignId, task, efficiency }];
  });
}
