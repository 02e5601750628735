import {
  addDays,
  type DayKey,
  dayKey,
  daysBetween,
  seededRandom,
  STEPS,
  VamoError,
} from '../core/index.ts';
import { MICRO } from '../contracts/index.ts';
import { createRanking, NO_BID, rankBids, slotPrice, SLOTS } from './auction.ts';
import { neutralDay } from './day-state.ts';
import {
  type SimulationConfig,
  STREAM,
  type World,
  type WorldCampaign,
  type WorldTask,
} from './settings.ts';
import { neutralSlotSpend } from './slot-sums.ts';
import { auctionCount, createImpression, openStep, trafficShares } from './traffic.ts';

/** The steps of the neutral day are named as a day that cannot come. */
const NEUTRAL_DAY = -1;
const CALIBRATION_AUCTIONS = 24;
const QUALITY_SD = 0.35;

function worldTasks(config: SimulationConfig): WorldTask[] {
  return config.simulator.tasks.map((settings) => {
    const task = config.tasks.find((t) => t.id === settings.id);
    if (!task)
      throw new VamoError(
        'CONFIG_INVALID',
        `simulator.tasks: "${settings.id}"; must be one of tasks (${config.tasks.map(({ id }) => id).join(', ')})`,
        { mend: 'List the tasks to simulate under `simulator.tasks`; nothing else looks at it.' },
      );
    return { ...settings, reward: task.reward, unitPrice: task.unitPrice };
  });
}

type Draft = WorldCampaign & { readonly kappa: number };

function drawCampaigns(config: SimulationConfig, tasks: readonly WorldTask[]): Draft[] {
  const { seed, scenes } = config.simulator;
  const drafts = tasks.flatMap((task, k) =>
    Array.from({ length: task.campaigns }, (_, n): Draft => {
      const random = seededRandom(seed, STREAM.world, k, n);
      const width = String(task.campaigns).length;
      const number = String(n + 1).padStart(width, '0');
      return {
        campaignId: `${task.id}-${number}`,
        advertiserId: `adv-${task.id}-${number}`,
        task: k,
        scene: n % scenes,
        lnQuality: QUALITY_SD * random.normal() - QUALITY_SD ** 2 / 2,
        kappa: 0.35 + 0.75 * random.next(),
        ticket: task.ticket * Math.exp(task.ticketSpread * random.normal()),
        budget: 0,
      };
    }),
  );
  return drafts.sort((a, b) => (a.campaignId < b.campaignId ? -1 : 1));
}

/** Spend per campaign, micro-units, of a neutral day on which all bid what a unit is worth (a = 1). */
function neutralSpend(world: World): Float64Array {
  const { config, campaigns, tasks } = world;
  const reserve = config.market.reserve * MICRO;
  const state = neutralDay(config);
  const impression = createImpression(campaigns.length);
  const bids = new Float64Array(campaigns.length + 3);
  const ranking = createRanking();
  const spend = new Float64Array(campaigns.length);
  const quiet = { ...seededRandom(0), normal: () => 0 };
  for (let step = 0; step < STEPS; step++) {
    const count = auctionCount(config.simulator.auctionsPerDay, state, 3, step, quiet);
    const next = openStep(world, state, [NEUTRAL_DAY, step], CALIBRATION_AUCTIONS);
    for (let i = 0; i < CALIBRATION_AUCTIONS; i++) {
      next(impression);
      campaigns.forEach((c, j) => {
        const pv = impression.pv[j] ?? 0;
        bids[j] = pv > 0 ? (pv * (tasks[c.task]?.unitPrice ?? 0)) / 1000 : NO_BID;
      });
      bids.set(impression.outside, campaigns.length);
      rankBids(bids, bids.length, reserve, ranking);
      for (let slot = 1; slot <= Math.min(SLOTS, ranking.count, impression.shown); slot++) {
        const owner = ranking.owners[slot - 1] ?? 0;
        if (owner >= campaigns.length) continue;
        const price = slotPrice(ranking, slot, reserve);
        spend[owner] = (spend[owner] ?? 0) + (price * count) / CALIBRATION_AUCTIONS;
      }
    }
  }
  return spend;
}

/**
 * Draws a world: campaigns with their scene, quality, ticket and budget. Equal configurations give
 * equal worlds.
 * @param spendOf micro-units per campaign that a neutral day costs; budgets are shares of it
 * @throws VamoError CONFIG_INVALID when a simulated task is not configured
 */
export function createWorld(
  config: SimulationConfig,
  spendOf: (world: World) => Float64Array = neutralSpend,
): World {
  const tasks = worldTasks(config);
  const drafts = drawCampaigns(config, tasks);
  const world: World = {
    config,
    seed: config.simulator.seed,
    firstDay: dayKey(config.simulator.firstDay),
    tasks,
    campaigns: drafts,
    shares: trafficShares(),
  };
  const spend = spendOf(world);
  // Cents, and never less than a few auctions' worth, so that small worlds can still bid.
  const least = 10 * config.market.minRemaining;
  const campaigns = drafts.map(({ kappa, ...campaign }, j) => ({
    ...campaign,
    budget: Math.round(Math.max(least, (kappa * (spend[j] ?? 0)) / MICRO) * 100) * (MICRO / 100),
  }));
  return { ...world, campaigns };
}

/** A world for slot-level days: the same campaigns, budgets by the slot-level law. */
export function createSlotWorld(config: SimulationConfig): World {
  return createWorld(config, neutralSlotSpend);
}

/**
 * The number of a day, 0 = `simulator.firstDay`.
 * @throws VamoError USAGE for a day before the first
 */
export function dayIndex(world: World, day: DayKey | number): number {
  const index = typeof day === 'number' ? day : daysBetween(world.firstDay, day);
  if (!Number.isInteger(index) || index < 0)
    throw new VamoError(
      'USAGE',
      `the simulated world has no day ${day}; it begins on ${world.firstDay}`,
      {
        details: { day },
      },
    );
  return index;
}

/** The date of a day number. */
export function dayAt(world: World, index: number): DayKey {
  return addDays(world.firstDay, index);
}
