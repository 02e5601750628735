import { type DayKey, STEPS } from '../core/index.ts';

/**
 * The sums of one campaign over one step, all integers. Three producers make them: the seal's SQL,
 * the simulator's ground truth and the bidder's accumulator. They must agree to the last integer.
 *
 * | column | meaning | unit |
 * |---|---|---|
 * | outcomes | candidates (auctions the campaign was a candidate in) | count |
 * | pv | sum of predicted values | nano |
 * | bid | sum of bids | micro |
 * | wins | outcomes with a slot | count |
 * | exposures | outcomes exposed | count |
 * | cost | sum paid | micro |
 * | lwc | sum of least winning costs, max(competing_3, reserve) | micro |
 * | pv_won | sum of predicted values over exposed outcomes: reward `predicted` | nano |
 * | reward_seen | reward of conversions and carts that *arrived* (arrival_ms) in this step of this day | micro-units of reward |
 * | reward_attributed | reward of the partition's conversions and carts at the step of their outcome (same partition) | micro-units of reward |
 * | budget | the day's budget in force at the start of the step | micro |
 * | remaining | budget minus the cost of all earlier steps | micro |
 * | active | 1 when a campaign event in force at the start of the step says active | 0 or 1 |
 *
 * A campaign event is in force at an instant when its event_time <= that instant; the latest by
 * (event_time, event_id) counts; before the first one budget = 0 and active = 0. An event dated
 * before the day's start is in force from the start on.
 */
export const STEP_COLUMNS = [
  'outcomes',
  'pv',
  'bid',
  'wins',
  'exposures',
  'cost',
  'lwc',
  'pv_won',
  'reward_seen',
  'reward_attributed',
  'budget',
  'remaining',
  'active',
] as const;
export type StepColumn = (typeof STEP_COLUMNS)[number];

/** 96 steps and the closing row (index 96: sums 0; budget, remaining and active at the day's end). */
export const STEP_ROWS = STEPS + 1;

export type StepSums = Readonly<Record<StepColumn, number>>;

/** A campaign's day: one Float64Array of length 97 a column; integers, exact below 2^53. */
export interface CampaignSteps {
  readonly campaignId: string;
  readonly advertiserId: string;
  readonly task: string;
  readonly columns: Readonly<Record<StepColumn, Float64Array>>;
}

/** All campaigns with a campaign event that day, by campaignId in byte order. */
export interface DaySteps {
  readonly day: DayKey;
  readonly campaigns: readonly CampaignSteps[];
}

/** Zeroed columns to fill. */
export function emptyStepColumns(): Record<StepColumn, Float64Array> {
  return Object.fromEntries(STEP_COLUMNS.map((c) => [c, new Float64Array(STEP_ROWS)])) as Record<
    StepColumn,
    Float64Array
  >;
}

/** The sums of one step as a plain object. */
export function stepSumsAt(columns: CampaignSteps['columns'], step: number): StepSums {
  return Object.fromEntries(STEP_COLUMNS.map((c) => [c, columns[c][step] ?? 0])) as Record<
    StepColumn,
    number
  >;
}

/** The lowest bid that would have won a position: the third competing bid, or the reserve. Micro-units. */
export function leastWinningCost(competing3: number, reserve: number): number {
  return Math.max(competing3, reserve);
}
