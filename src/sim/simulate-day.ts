import { type DayKey, STEPS, VamoError } from '../core/index.ts';
import {
  type CampaignResult,
  type CampaignSteps,
  type DayCounts,
  type DayLog,
  type DaySteps,
  MICRO,
  type SourceRecord,
} from '../contracts/index.ts';
import { type DayBehaviour, drawBehaviour, expertAlphas } from './behaviour.ts';
import { type Carry, EMPTY_CARRY } from './carry.ts';
import { createDayMarket, type DayMarket, type StepBidders } from './day-market.ts';
import { emitDay } from './emission.ts';
import { playedLog } from './played-log.ts';
import type { World } from './settings.ts';
import { dayIndex } from './world.ts';

/** What a controller sees of its campaigns at the start of a step. */
export interface StepView {
  readonly day: DayKey;
  readonly step: number;
  readonly campaigns: readonly {
    readonly id: string;
    readonly task: string;
    /** Micro-units. */
    readonly budget: number;
    readonly remaining: number;
    /** Rows before `step` are filled; at `step` budget, remaining, active. */
    readonly steps: CampaignSteps;
  }[];
}

interface StepDecision {
  /** In the view's order, currency per unit of reward. */
  readonly alphas: ArrayLike<number>;
  /** Logged as the outcomes' `model_version`. */
  readonly modelVersion: string;
}

/** Bids for some of the campaigns, as a fleet of bidders does; behaviour policies bid for the rest. */
export interface Controller {
  /** Campaign ids. */
  readonly campaigns: readonly string[];
  act(view: StepView): Promise<StepDecision>;
}

export interface SimulatedDay {
  readonly day: DayKey;
  /** In order of arrival; made while iterating, so that a large day needs little memory. */
  readonly records: Iterable<SourceRecord>;
  readonly recordCount: number;
  /** What the seal must find. */
  readonly truth: DaySteps;
  readonly counts: DayCounts;
  /** Give it to the next day. */
  readonly carry: Carry;
  readonly results: readonly CampaignResult[];
  /**
   * The day as replay reads it once sealed, made when asked for. Without the faults of its transport:
   * a sealed day lacks the outcomes that came too late.
   */
  log(): DayLog;
  /** What bid for each campaign: a behaviour policy's name, or `fleet`. */
  readonly policies: Readonly<Record<string, string>>;
}

/** Every second campaign of each task: the half a fleet bids for. */
export function everySecondCampaign(world: World): string[] {
  return world.tasks.flatMap((_, k) =>
    world.campaigns
      .filter((campaign) => campaign.task === k)
      .filter((_campaign, n) => n % 2 === 0)
      .map((campaign) => campaign.campaignId),
  );
}

function viewOf(market: DayMarket, controlled: readonly number[]): StepView {
  const { step } = market;
  const campaigns = controlled.map((c) => {
    const steps = market.observe(c);
    const budget = steps.columns.budget[step] ?? 0;
    const remaining = steps.columns.remaining[step] ?? 0;
    return { id: steps.campaignId, task: steps.task, budget, remaining, steps };
  });
  return { day: market.day, step, campaigns };
}

async function play(
  world: World,
  market: DayMarket,
  behaviour: DayBehaviour,
  controller?: Controller,
): Promise<void> {
  const mine = new Set(controller?.campaigns ?? []);
  const controlled = world.campaigns.flatMap((c, i) => (mine.has(c.campaignId) ? [i] : []));
  const marks = Uint8Array.from(world.campaigns, (c) => Number(mine.has(c.campaignId)));
  market.reset();
  while (market.step < STEPS) {
    const alphas = behaviour.choose(market);
    let bidders: StepBidders = { modelVersion: '', controlled: marks };
    if (controller && controlled.length > 0) {
      const decision = await controller.act(viewOf(market, controlled));
      if (decision.alphas.length !== controlled.length)
        throw new VamoError(
          'USAGE',
          `step ${market.step}: ${decision.alphas.length} alphas for ${controlled.length} campaigns`,
        );
      controlled.forEach((c, i) => (alphas[c] = decision.alphas[i] ?? Number.NaN));
      bidders = { modelVersion: decision.modelVersion, controlled: marks };
    }
    market.playAs(alphas, bidders);
  }
}

/**
 * Plays one day and gives its records, with what must come of them. Days may be played in any order
 * as far as the market goes; `carry` joins their logs, and is empty for the first.
 * @throws VamoError USAGE for a day before the world's first, or alphas that are not finite
 */
export async function simulateDay(options: {
  readonly world: World;
  /** A date, or days since the world's first. */
  readonly day: DayKey | number;
  readonly carry?: Carry;
  readonly controller?: Controller;
}): Promise<SimulatedDay> {
  const { world, controller, carry = EMPTY_CARRY } = options;
  const index = dayIndex(world, options.day);
  const market = createDayMarket(world, index, {
    pending: carry.rewards,
    notBeforeMs: carry.lastArrivalMs,
  });
  let behaviour = drawBehaviour(world, index);
  if (behaviour.kinds.includes('expert')) {
    await play(world, market, behaviour);
    behaviour = drawBehaviour(world, index, expertAlphas(world, market, behaviour.kinds));
  }
  await play(world, market, behaviour, controller);
  const emission = emitDay(world, index, market, carry);
  const fleet = new Set(controller?.campaigns ?? []);
  return {
    day: market.day,
    ...emission,
    results: market.results(),
    log() {
      const everyone = new Set(world.campaigns.keys());
      return playedLog(market, everyone, Math.round(world.config.market.reserve * MICRO));
    },
    policies: Object.fromEntries(
      world.campaigns.map(({ campaignId }, c) => [
        campaignId,
        fleet.has(campaignId) ? 'fleet' : (behaviour.kinds[c] ?? ''),
      ]),
    ),
  };
}
