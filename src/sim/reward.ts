import { seededRandom, STEPS } from '../core/index.ts';
import { type CartEvent, type ConversionEvent, MICRO, NANO } from '../contracts/index.ts';
import type { DayState } from './day-state.ts';
import { STREAM, type World } from './settings.ts';

/** A conversion or cart, its arrival and what it counts for, micro-units of the task's reward. */
export interface Reward {
  readonly campaign: number;
  /** Step of its outcome, and the outcome's place in that step's recording. */
  readonly step: number;
  readonly outcome: number;
  readonly event: ConversionEvent | CartEvent;
  readonly arrivalMs: number;
  readonly micro: number;
}

/** An exposed outcome. */
export interface Exposure {
  readonly campaign: number;
  readonly step: number;
  /** The auction's number in its step. */
  readonly auction: number;
  /** Its place in the step's recording. */
  readonly outcome: number;
  readonly eventId: string;
  readonly timeMs: number;
  /** Nano-units of reward. */
  readonly pv: number;
}

/** How far realised values scatter around predicted ones. */
export const PREDICTION_NOISE = 0.15;
const DELAY_MEDIAN_MS = 20 * 60_000;
const DELAY_SD = 1.2;
const DELAY_MAX_MS = 24 * 3_600_000;
const PARTS = 4;

/** Milliseconds from an event to its arrival: transport, disorder, and now and then a late one. */
export function arrivalDelay(
  faults: World['config']['simulator']['faults'],
  draws: { next(): number; normal(): number },
): number {
  const transport = 50 + 500 * draws.next();
  const disorder = Math.abs(faults.disorderMs * draws.normal());
  const late = draws.next() < faults.lateShare;
  const behind = faults.lateMaxMs * draws.next();
  return Math.round(transport + disorder + (late ? behind : 0));
}

/**
 * Whether an exposure converts: with probability realised value / ticket, worth the ticket, after a
 * delay. The draws are named by auction and campaign, so they do not depend on anybody's bids.
 */
export function drawReward(
  world: World,
  state: DayState,
  dayNumber: number,
  exposure: Exposure,
): Reward | undefined {
  const { campaign: c, step, auction, outcome, timeMs } = exposure;
  const campaign = world.campaigns[c];
  const task = campaign && world.tasks[campaign.task];
  if (!campaign || !task) return undefined;
  const random = seededRandom(world.seed, STREAM.outcomes, dayNumber, step, auction, c);
  const part = Math.floor((step * PARTS) / STEPS);
  const yields = state.tasks[campaign.task]?.yieldByPart[part] ?? 1;
  const scatter = Math.exp(PREDICTION_NOISE * random.normal() - PREDICTION_NOISE ** 2 / 2);
  const value = (exposure.pv / NANO) * yields * scatter;
  if (random.next() >= value / campaign.ticket) return undefined;
  const delay = Math.min(DELAY_MAX_MS, DELAY_MEDIAN_MS * Math.exp(DELAY_SD * random.normal()));
  const eventTime = timeMs + Math.round(delay);
  const directShare = 0.3 + 0.5 * random.next();
  const envelope = {
    campaign_id: campaign.campaignId,
    event_time: eventTime,
    outcome_id: exposure.eventId,
  };
  const arrivalMs = eventTime + arrivalDelay(world.config.simulator.faults, random);
  if (task.reward === 'items') {
    const items = Math.max(1, Math.round(campaign.ticket));
    const event: CartEvent = {
      kind: 'cart',
      event_id: `${exposure.eventId}.cart`,
      ...envelope,
      items,
    };
    return { campaign: c, step, outcome, event, arrivalMs, micro: items * MICRO };
  }
  const worth = Math.round(campaign.ticket * MICRO);
  const direct = task.reward === 'direct_gmv' ? worth : Math.round(worth * directShare);
  const event: ConversionEvent = {
    kind: 'conversion',
    event_id: `${exposure.eventId}.sale`,
    ...envelope,
    gmv: worth,
    direct_gmv: direct,
    order_id: `order.${exposure.eventId}`,
  };
  return { campaign: c, step, outcome, event, arrivalMs, micro: worth };
}
