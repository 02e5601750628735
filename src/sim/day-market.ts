import {
  type DayKey,
  dayStartMs,
  seededRandom,
  STEP_MS,
  STEPS,
  sum,
  VamoError,
  weekdayOf,
} from '../core/index.ts';
import {
  type CampaignEvent,
  type CampaignSteps,
  emptyStepColumns,
  MICRO,
  NANO,
  type StepColumn,
} from '../contracts/index.ts';
import { type Market, type MarketCampaign } from '../eval/index.ts';
import { bidMicro } from '../features/index.ts';
import { createRanking, NO_BID, rankBids, slotPrice, SLOTS } from './auction.ts';
import { drawCampaignEvents } from './campaign-events.ts';
import { type DayState, dayState } from './day-state.ts';
import {
  closeRecording,
  openRecording,
  outcomeId,
  recordRanking,
  type StepRecording,
} from './recording.ts';
import { drawReward, type Reward } from './reward.ts';
import { STREAM, type World } from './settings.ts';
import { auctionCount, createImpression, openStep } from './traffic.ts';
import { dayAt } from './world.ts';

/** Who bids a step: campaigns marked 1 bid for a model version. */
export interface StepBidders {
  readonly modelVersion: string;
  readonly controlled: Uint8Array;
}

/** The whole market of one simulated day: all campaigns meet in the same auctions. */
export interface DayMarket extends Market {
  readonly day: DayKey;
  readonly startMs: number;
  readonly state: DayState;
  /** Per campaign, in order of time. */
  readonly campaignEvents: readonly (readonly CampaignEvent[])[];
  /** Plays the next step, noting which campaigns a model version bid for. */
  playAs(alphas: ArrayLike<number>, bidders: StepBidders): void;
  /** Of the steps played since the last reset. */
  readonly recordings: readonly StepRecording[];
  readonly rewards: readonly Reward[];
}

export interface DayMarketOptions {
  /** Rewards of earlier days' outcomes that arrive on this day. */
  readonly pending?: readonly Pick<Reward, 'campaign' | 'arrivalMs' | 'micro'>[];
  /** No record arrives before this. */
  readonly notBeforeMs?: number;
  /** Factor of the outside bids. */
  readonly outsideScale?: number;
}

interface Player {
  readonly view: CampaignSteps;
  readonly columns: Record<StepColumn, Float64Array>;
  readonly events: readonly CampaignEvent[];
  inForce: number;
  spent: number;
}

function bump(column: Float64Array, step: number, by: number): void {
  column[step] = (column[step] ?? 0) + by;
}

/** Applies the campaign events up to an instant. */
function advance(player: Player, timeMs: number): void {
  while ((player.events[player.inForce + 1]?.event_time ?? Number.POSITIVE_INFINITY) <= timeMs)
    player.inForce++;
}

function openRow(player: Player, step: number, timeMs: number): void {
  advance(player, timeMs);
  const event = player.events[player.inForce];
  player.columns.budget[step] = event?.budget ?? 0;
  player.columns.active[step] = event?.status === 'active' ? 1 : 0;
  player.columns.remaining[step] = (event?.budget ?? 0) - player.spent;
}

/** @param index the day's number in the world */
export function createDayMarket(
  world: World,
  index: number,
  options: DayMarketOptions = {},
): DayMarket {
  const { config, campaigns } = world;
  const day = dayAt(world, index);
  const startMs = dayStartMs(day, config.days.utcOffsetMinutes);
  const endMs = startMs + STEPS * STEP_MS;
  const state = dayState(config, index);
  const reserve = Math.round(config.market.reserve * MICRO);
  const minRemaining = Math.round(config.market.minRemaining * MICRO);
  const { outsideScale = 1, notBeforeMs = 0 } = options;
  const campaignEvents = drawCampaignEvents(world, index, day);
  const impression = createImpression(campaigns.length);
  const bids = new Float64Array(campaigns.length + impression.outside.length);
  const ranking = createRanking();
  const nobody: StepBidders = { modelVersion: '', controlled: new Uint8Array(campaigns.length) };
  let players: Player[] = [];
  let recordings: StepRecording[] = [];
  let rewards: Reward[] = [];
  let step = 0;

  function countReward(reward: Pick<Reward, 'campaign' | 'arrivalMs' | 'micro'>): void {
    const arrivalMs = Math.max(reward.arrivalMs, notBeforeMs);
    const player = players[reward.campaign];
    if (!player || arrivalMs < startMs || arrivalMs >= endMs) return;
    const row = Math.floor((arrivalMs - startMs) / STEP_MS);
    bump(player.columns.reward_seen, row, reward.micro);
  }

  function reset(): void {
    players = campaigns.map((campaign, c) => {
      const columns = emptyStepColumns();
      const task = world.tasks[campaign.task]?.id ?? '';
      const { campaignId, advertiserId } = campaign;
      const view = { campaignId, advertiserId, task, columns };
      return { view, columns, events: campaignEvents[c] ?? [], inForce: -1, spent: 0 };
    });
    recordings = [];
    rewards = [];
    step = 0;
    for (const player of players) openRow(player, 0, startMs);
    options.pending?.forEach(countReward);
  }

  /** Fills `bids` with those who take part; every candidate is recorded, taking part or not. */
  function collectBids(
    recording: ReturnType<typeof openRecording>,
    auction: number,
    timeMs: number,
    alphas: ArrayLike<number>,
  ): void {
    players.forEach((player, c) => {
      bids[c] = NO_BID;
      const pv = impression.pv[c] ?? 0;
      if (pv === 0) return;
      advance(player, timeMs);
      const event = player.events[player.inForce];
      if (event?.status !== 'active') return;
      const bid = bidMicro(alphas[c] ?? 0, pv);
      const remaining = event.budget - player.spent;
      if (bid <= remaining && remaining >= minRemaining) bids[c] = bid;
      const at = recording.outcomes++;
      recording.auction[at] = auction;
      recording.campaign[at] = c;
      recording.pv[at] = pv;
      recording.bid[at] = bid;
    });
    impression.outside.forEach((bid, k) => {
      bids[campaigns.length + k] = Math.round(bid * outsideScale);
    });
  }

  /** Settles one auction: positions, payments, rewards and every candidate's sums. */
  function settle(
    recording: ReturnType<typeof openRecording>,
    auction: number,
    timeMs: number,
    first: number,
  ): void {
    const { shown } = impression;
    for (let at = first; at < recording.outcomes; at++) {
      const c = recording.campaign[at] ?? 0;
      const player = players[c];
      if (!player) continue;
      const { columns } = player;
      const pv = recording.pv[at] ?? 0;
      const place = ranking.owners.subarray(0, ranking.count).indexOf(c);
      const third =
        (place >= 0 && place < SLOTS ? ranking.bids[SLOTS] : ranking.bids[SLOTS - 1]) ?? 0;
      bump(columns.outcomes, step, 1);
      bump(columns.pv, step, pv);
      bump(columns.bid, step, recording.bid[at] ?? 0);
      bump(columns.lwc, step, Math.max(third, reserve));
      if (place < 0 || place >= SLOTS) continue;
      const slot = place + 1;
      recording.slot[at] = slot;
      bump(columns.wins, step, 1);
      if (slot > shown) continue;
      const cost = slotPrice(ranking, slot, reserve);
      player.spent += cost;
      bump(columns.exposures, step, 1);
      bump(columns.cost, step, cost);
      bump(columns.pv_won, step, pv);
      const eventId = outcomeId(world, day, step, auction, c);
      const exposure = { campaign: c, step, auction, outcome: at, eventId, timeMs, pv };
      const reward = drawReward(world, state, index, exposure);
      if (!reward) continue;
      rewards.push(reward);
      if (reward.event.event_time >= endMs) continue;
      countReward(reward);
      bump(columns.reward_attributed, step, reward.micro);
    }
  }

  function playAs(alphas: ArrayLike<number>, bidders: StepBidders): void {
    if (step >= STEPS) throw new VamoError('USAGE', 'the day is over; reset the market first');
    checkAlphas(world, alphas);
    const draws = seededRandom(world.seed, STREAM.traffic, index, step, 0);
    const { auctionsPerDay } = config.simulator;
    const count = auctionCount(auctionsPerDay, state, weekdayOf(day), step, draws);
    const next = openStep(world, state, [index, step], count);
    const recording = openRecording(step, count, campaigns.length, bidders);
    for (let auction = 0; auction < count; auction++) {
      next(impression);
      const timeMs = startMs + step * STEP_MS + impression.offsetMs;
      recording.timeMs[auction] = timeMs;
      recording.shown[auction] = impression.shown;
      const first = recording.outcomes;
      collectBids(recording, auction, timeMs, alphas);
      ranking.bids.fill(0);
      rankBids(bids, bids.length, reserve, ranking);
      recordRanking(recording, auction, ranking, campaigns.length);
      settle(recording, auction, timeMs, first);
    }
    recordings.push(closeRecording(recording));
    step++;
    for (const player of players) openRow(player, step, startMs + step * STEP_MS);
  }

  reset();
  return {
    day,
    startMs,
    state,
    campaignEvents,
    campaigns: campaigns.map((c): MarketCampaign => {
      const task = world.tasks[c.task]?.id ?? '';
      return { campaignId: c.campaignId, task, budget: c.budget };
    }),
    get step() {
      return step;
    },
    get recordings() {
      return recordings;
    },
    get rewards() {
      return rewards;
    },
    reset,
    observe(campaign) {
      const player = players[campaign];
      if (!player)
        throw new VamoError('USAGE', `campaign ${campaign}; there are ${players.length}`);
      return player.view;
    },
    playAs,
    play: (alphas) => playAs(alphas, nobody),
    results: () =>
      players.map(({ view, columns, spent }) => ({
        campaignId: view.campaignId,
        task: view.task,
        return: sum(columns.pv_won) / NANO,
        realised: sum(columns.reward_attributed) / MICRO,
        cost: spent / MICRO,
        budget: Math.max(...columns.budget) / MICRO,
        wins: sum(columns.wins),
      })),
  };
}

function checkAlphas(world: World, alphas: ArrayLike<number>): void {
  world.campaigns.forEach(({ campaignId }, c) => {
    const alpha = alphas[c] ?? Number.NaN;
    if (!(alpha >= 0) || !Number.isFinite(alpha))
      throw new VamoError(
        'USAGE',
        `alpha of ${campaignId}: ${alpha}; must be finite and at least 0`,
      );
  });
}
