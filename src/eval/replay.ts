import { STEP_MS, STEPS, VamoError } from '../core/index.ts';
import {
  type CampaignLog,
  type CampaignResult,
  type CampaignSteps,
  type DayLog,
  type DaySteps,
  emptyStepColumns,
  leastWinningCost,
  MICRO,
  NANO,
  type StepColumn,
  type TaskSpec,
} from '../contracts/index.ts';
import { bidMicro, campaignReturn } from '../features/index.ts';
import type { Market, MarketCampaign } from './market.ts';
import { isShown, positionOf, priceOf } from './outcomes.ts';

export interface ReplayRules {
  /** Currency; a bid below it takes no part. */
  readonly reserve: number;
  /** Currency; a campaign with less left takes no part. */
  readonly minRemaining: number;
  /** Campaigns of other tasks are left out. */
  readonly tasks: readonly TaskSpec[];
}

/** A player: one campaign's log, its cursors and the sums it has made so far. */
interface Player {
  readonly log: CampaignLog;
  readonly columns: Record<StepColumn, Float64Array>;
  /** Attributed reward of the logged day, in units of reward. */
  readonly realised: number | null;
  /** Next outcome, and campaign event in force (-1: none yet). */
  next: number;
  inForce: number;
  spent: number;
  /** Whether every step so far bid as logged. */
  asLogged: boolean;
}

/**
 * A sealed day as a market: each campaign alone against the others' logged bids, so campaigns do
 * not push each other's prices. Per outcome, in time order: bid = round(alpha pv / 1000) micro (NaN:
 * the logged bid); it takes part if reserve <= bid <= remaining, remaining >= the minimum and the
 * campaign is active; its position is 1 + the competing bids at or above it (a bid equal to the
 * logged one keeps the logged slot, any other tie loses); the price is the competing bid below, at
 * least the reserve; it pays if that position was shown. Budgets and pauses follow the campaign
 * events. Replaying the logged bids gives the logged wins and costs exactly.
 *
 * Rewards of bids that were never made are not in any log: `reward_seen` of `observe` is the
 * expected one, the predicted value won in the step, and `reward_attributed` stays 0.
 */
export function createReplayMarket(log: DayLog, steps: DaySteps, rules: ReplayRules): Market {
  const reserve = Math.round(rules.reserve * MICRO);
  const minRemaining = Math.round(rules.minRemaining * MICRO);
  const known = new Set(rules.tasks.map((task) => task.id));
  const logged = new Map(steps.campaigns.map((c) => [c.campaignId, c]));
  const players = log.campaigns.filter((c) => known.has(c.task)).map((c) => seat(c, logged));
  const views: readonly CampaignSteps[] = players.map(({ log: l, columns }) => ({
    campaignId: l.campaignId,
    advertiserId: l.advertiserId,
    task: l.task,
    columns,
  }));
  let step = 0;

  const openStep = (): void => {
    for (const player of players) openRow(player, step, log.startMs + step * STEP_MS);
  };
  const market: Market = {
    campaigns: players.map((player) => toCampaign(player, log.startMs)),
    get step() {
      return step;
    },
    reset() {
      for (const player of players) clear(player);
      step = 0;
      openStep();
    },
    observe: (campaign) => at(views, campaign),
    play(alphas) {
      if (step >= STEPS) throw new VamoError('USAGE', 'the day is over; reset the market first');
      const end = log.startMs + (step + 1) * STEP_MS;
      players.forEach((player, c) => {
        playStep(player, step, end, alphas[c] ?? Number.NaN, reserve, minRemaining);
      });
      step++;
      openStep();
    },
    results: () => players.map((player, c) => resultOf(player, at(views, c))),
  };
  market.reset();
  return market;
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined)
    throw new VamoError('USAGE', `campaign ${index}; there are ${list.length}`);
  return item;
}

function seat(log: CampaignLog, logged: ReadonlyMap<string, CampaignSteps>): Player {
  const own = logged.get(log.campaignId);
  const realised = own ? campaignReturn(own, 'realised') : null;
  const columns = emptyStepColumns();
  return { log, columns, realised, next: 0, inForce: -1, spent: 0, asLogged: true };
}

function clear(player: Player): void {
  for (const column of Object.values(player.columns)) column.fill(0);
  player.next = 0;
  player.inForce = -1;
  player.spent = 0;
  player.asLogged = true;
}

/** The campaign event in force at an instant; never goes back in time within a day. */
function advance(player: Player, ms: number): void {
  const events = player.log.campaignEvents;
  while ((events[player.inForce + 1]?.eventTime ?? Number.POSITIVE_INFINITY) <= ms)
    player.inForce++;
}

function openRow(player: Player, step: number, startMs: number): void {
  advance(player, startMs);
  const event = player.log.campaignEvents[player.inForce];
  const { columns } = player;
  columns.budget[step] = event?.budget ?? 0;
  columns.active[step] = event?.active === true ? 1 : 0;
  columns.remaining[step] = (event?.budget ?? 0) - player.spent;
}

function playStep(
  player: Player,
  step: number,
  endMs: number,
  alpha: number,
  reserve: number,
  minRemaining: number,
): void {
  const { columns, log } = player;
  const { outcomes, campaignEvents } = log;
  const asLogged = Number.isNaN(alpha);
  player.asLogged &&= asLogged;
  const spentBefore = player.spent;
  let [count, pvSum, bidSum, wins, exposures, lwc, pvWon] = [0, 0, 0, 0, 0, 0, 0];
  let i = player.next;
  for (; i < outcomes.count; i++) {
    const time = outcomes.eventTime[i] ?? 0;
    if (time >= endMs) break;
    advance(player, time);
    const pv = outcomes.pv[i] ?? 0;
    const bid = asLogged ? (outcomes.bid[i] ?? 0) : bidMicro(alpha, pv);
    count++;
    pvSum += pv;
    bidSum += bid;
    lwc += leastWinningCost(outcomes.competing3[i] ?? 0, reserve);
    const event = campaignEvents[player.inForce];
    const remaining = (event?.budget ?? 0) - player.spent;
    if (event?.active !== true || remaining < minRemaining) continue;
    if (bid < reserve || bid > remaining) continue;
    const slot = positionOf(outcomes, i, bid);
    if (slot === 0) continue;
    wins++;
    if (!isShown(outcomes, i, slot)) continue;
    exposures++;
    pvWon += pv;
    player.spent += priceOf(outcomes, i, slot, reserve);
  }
  player.next = i;
  columns.outcomes[step] = count;
  columns.pv[step] = pvSum;
  columns.bid[step] = bidSum;
  columns.wins[step] = wins;
  columns.exposures[step] = exposures;
  columns.cost[step] = player.spent - spentBefore;
  columns.lwc[step] = lwc;
  columns.pv_won[step] = pvWon;
  columns.reward_seen[step] = Math.round((pvWon * MICRO) / NANO);
}

function toCampaign({ log }: Player, startMs: number): MarketCampaign {
  const opening = log.campaignEvents.findLast((event) => event.eventTime <= startMs);
  return { campaignId: log.campaignId, task: log.task, budget: opening?.budget ?? 0 };
}

function resultOf(player: Player, steps: CampaignSteps): CampaignResult {
  let wins = 0;
  for (let t = 0; t < STEPS; t++) wins += player.columns.wins[t] ?? 0;
  return {
    campaignId: steps.campaignId,
    task: steps.task,
    return: campaignReturn(steps),
    realised: player.asLogged ? player.realised : null,
    cost: player.spent / MICRO,
    budget: Math.max(...player.columns.budget) / MICRO,
    wins,
  };
}
