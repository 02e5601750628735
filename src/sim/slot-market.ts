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
  type CampaignResult,
  type CampaignSteps,
  type DaySteps,
  emptyStepColumns,
  MICRO,
  NANO,
  type StepColumn,
} from '../contracts/index.ts';
import type { Market, MarketCampaign } from '../eval/index.ts';
import { drawBehaviour } from './behaviour.ts';
import { drawCampaignEvents } from './campaign-events.ts';
import { dayState } from './day-state.ts';
import { type SlotLaw, slotLaw } from './slot-law.ts';
import { drawSlotSums } from './slot-sums.ts';
import { STREAM, type World } from './settings.ts';
import { auctionCount } from './traffic.ts';
import { dayAt, dayIndex } from './world.ts';

interface Player {
  readonly view: CampaignSteps;
  readonly columns: Record<StepColumn, Float64Array>;
  readonly events: readonly CampaignEvent[];
  spent: number;
}

/** A day of a market without single auctions: every campaign's sums of a step in one stroke. */
export interface SlotMarket extends Market {
  readonly day: DayKey;
  daySteps(): DaySteps;
}

/**
 * The simulated day at slot level: the sums of a campaign and step are drawn from the law that values
 * and rival bids follow in the auctions (`slotLaw`), not auction by auction. Campaigns meet the
 * outside bids only, not each other. Ten thousand campaigns cost about a second a day; it makes sums
 * (`StepSums`), not events.
 * @param index the day's number in the world
 */
export function createSlotMarket(world: World, index: number): SlotMarket {
  const { config, campaigns } = world;
  const day = dayAt(world, index);
  const startMs = dayStartMs(day, config.days.utcOffsetMinutes);
  const state = dayState(config, index);
  const events = drawCampaignEvents(world, index, day);
  const minRemaining = Math.round(config.market.minRemaining * MICRO);
  let players: Player[] = [];
  let step = 0;
  let laws: readonly SlotLaw[] = [];
  let auctions = 0;

  function openStep(): void {
    const atMs = startMs + step * STEP_MS;
    for (const { columns, events: own, spent } of players) {
      const event = own.findLast((e) => e.event_time <= atMs);
      columns.budget[step] = event?.budget ?? 0;
      columns.active[step] = event?.status === 'active' ? 1 : 0;
      columns.remaining[step] = (event?.budget ?? 0) - spent;
    }
    if (step >= STEPS) return;
    const random = seededRandom(world.seed, STREAM.traffic, index, step, 0);
    const { auctionsPerDay } = config.simulator;
    auctions = auctionCount(auctionsPerDay, state, weekdayOf(day), step, random);
    laws = world.tasks.map((_, k) => slotLaw(world, state, k, step));
  }

  function reset(): void {
    step = 0;
    players = campaigns.map((campaign, c) => {
      const columns = emptyStepColumns();
      const task = world.tasks[campaign.task]?.id ?? '';
      const { campaignId, advertiserId } = campaign;
      const view = { campaignId, advertiserId, task, columns };
      return { view, columns, events: events[c] ?? [], spent: 0 };
    });
    openStep();
  }

  function playCampaign(c: number, alpha: number): void {
    const player = players[c];
    const campaign = campaigns[c];
    const law = laws[campaign?.task ?? -1];
    if (!player || !campaign || !law || player.columns.active[step] !== 1) return;
    const random = seededRandom(world.seed, STREAM.traffic, index, step, c + 2);
    const sums = drawSlotSums({ law, lnQuality: campaign.lnQuality, auctions, alpha }, () =>
      random.normal(),
    );
    const remaining = player.columns.remaining[step] ?? 0;
    // A step that would overspend is cut where the money ends: same mix, fewer wins.
    const kept = remaining < minRemaining ? 0 : Math.min(1, remaining / Math.max(1, sums.cost));
    const { columns } = player;
    columns.outcomes[step] = sums.outcomes;
    columns.pv[step] = sums.pv;
    columns.bid[step] = Math.round((sums.pv * alpha) / 1000);
    columns.lwc[step] = sums.lwc;
    columns.wins[step] = Math.floor(sums.wins * kept);
    columns.exposures[step] = Math.floor(sums.exposures * kept);
    columns.cost[step] = Math.floor(sums.cost * kept);
    columns.pv_won[step] = Math.floor(sums.pvWon * kept);
    player.spent += columns.cost[step] ?? 0;
    const ticket = Math.round(campaign.ticket * MICRO);
    const expected = (columns.pv_won[step] ?? 0) / NANO / campaign.ticket;
    const conversions = Math.floor(expected) + Number(random.next() < expected % 1);
    columns.reward_attributed[step] = conversions * ticket;
    if (step + 1 < STEPS) columns.reward_seen[step + 1] = conversions * ticket;
  }

  reset();
  return {
    day,
    campaigns: campaigns.map((c): MarketCampaign => {
      const task = world.tasks[c.task]?.id ?? '';
      return { campaignId: c.campaignId, task, budget: c.budget };
    }),
    get step() {
      return step;
    },
    reset,
    observe(campaign) {
      const player = players[campaign];
      if (!player)
        throw new VamoError('USAGE', `campaign ${campaign}; there are ${players.length}`);
      return player.view;
    },
    play(alphas) {
      if (step >= STEPS) throw new VamoError('USAGE', 'the day is over; reset the market first');
      for (let c = 0; c < campaigns.length; c++) playCampaign(c, alphas[c] ?? 0);
      step++;
      openStep();
    },
    results: () => players.map(resultOf),
    daySteps: () => ({ day, campaigns: players.map(({ view }) => view) }),
  };
}

function resultOf({ view, columns, spent }: Player): CampaignResult {
  return {
    campaignId: view.campaignId,
    task: view.task,
    return: sum(columns.pv_won) / NANO,
    realised: sum(columns.reward_attributed) / MICRO,
    cost: spent / MICRO,
    budget: Math.max(...columns.budget) / MICRO,
    wins: sum(columns.wins),
  };
}

/** A day played by the behaviour policies of the log (experts pace by PID). */
export function simulateSlotDay(world: World, day: DayKey | number): DaySteps {
  const index = dayIndex(world, day);
  const market = createSlotMarket(world, index);
  const behaviour = drawBehaviour(world, index);
  while (market.step < STEPS) market.play(behaviour.choose(market));
  return market.daySteps();
}
