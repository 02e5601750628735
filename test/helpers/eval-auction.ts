import {
  addDays,
  dayKey,
  dayStartMs,
  type Random,
  seededRandom,
  STEP_MS,
} from '../../src/core/index.ts';
import type {
  AuctionEvent,
  CampaignEvent,
  CampaignLog,
  DayLog,
  DaySteps,
  OutcomeEvent,
  TaskSpec,
} from '../../src/contracts/index.ts';
import { createStepAccumulator } from '../../src/features/index.ts';

export const TASKS: readonly TaskSpec[] = [
  { id: 'sales', reward: 'gmv', unitPrice: 0.4 },
  { id: 'baskets', reward: 'items', unitPrice: 6 },
];
export const RULES = { reserve: 0.01, minRemaining: 0.1, tasks: TASKS };
export const DAY = dayKey('2026-03-02');

export interface ArrivedEvent {
  readonly event: AuctionEvent;
  readonly arrivalMs: number;
}

export interface SmallDay {
  readonly events: readonly ArrivedEvent[];
  readonly log: DayLog;
  /** What the auction itself charged and gave, by campaign. */
  readonly truth: ReadonlyMap<string, { wins: number; cost: number }>;
}

export interface SmallDayOptions {
  readonly campaigns?: number;
  readonly auctions?: number;
  /** Budget changes and pauses during the day. */
  readonly changes?: boolean;
  /** Multiplies every budget. */
  readonly budgets?: number;
}

interface Bidder {
  readonly id: string;
  readonly task: string;
  readonly value: number;
  alpha: number;
  spent: number;
  wins: number;
  readonly states: CampaignEvent[];
}

const RESERVE = 10_000;
const MIN_REMAINING = 100_000;

function bidderOf(
  c: number,
  startMs: number,
  random: Random,
  { changes = true, budgets = 1 }: SmallDayOptions,
): Bidder {
  const task = TASKS[c % TASKS.length]!;
  const id = `c${String(c).padStart(2, '0')}`;
  const state = (n: number, time: number, status: 'active' | 'paused'): CampaignEvent => ({
    kind: 'campaign',
    event_id: `${id}-s${n}`,
    event_time: time,
    campaign_id: id,
    advertiser_id: `a${c % 3}`,
    task: task.id,
    day: DAY,
    budget: budgets * (200_000 + random.below(40) * 100_000),
    status,
    cpa_limit: 0,
  });
  const states = [state(0, startMs - (c % 2) * 1000, 'active')];
  const later = changes ? random.below(3) : 0;
  for (let n = 1; n <= later; n++) {
    // Half of the changes fall exactly on a step's start.
    const time = startMs + random.below(96) * STEP_MS + random.below(2) * random.below(STEP_MS);
    states.push(state(n, time, random.next() < 0.3 ? 'paused' : 'active'));
  }
  states.sort((a, b) => a.event_time - b.event_time || (a.event_id < b.event_id ? -1 : 1));
  const value = (task.id === 'sales' ? 0.4 : 0.025) * 1e9;
  return { id, task: task.id, value, alpha: task.unitPrice, spent: 0, wins: 0, states };
}

const inForce = (bidder: Bidder, ms: number): CampaignEvent | undefined =>
  bidder.states.findLast((state) => state.event_time <= ms);

function mayBid(bidder: Bidder, bid: number, ms: number): boolean {
  const state = inForce(bidder, ms);
  const remaining = (state?.budget ?? 0) - bidder.spent;
  return (
    state?.status === 'active' && remaining >= MIN_REMAINING && bid >= RESERVE && bid <= remaining
  );
}

/** One auction with coarse values, so that ties are common; ties go to whoever stands first. */
function auction(
  bidders: readonly Bidder[],
  ms: number,
  n: number,
  random: Random,
): OutcomeEvent[] {
  const candidates = bidders
    .filter(() => random.next() < 0.6)
    .map((bidder) => {
      const pv = Math.round(bidder.value * (1 + random.below(4)) * 0.5);
      return { bidder, pv, bid: Math.round((bidder.alpha * pv) / 1000) };
    });
  const outside = Array.from({ length: random.below(4) }, () => ({
    bidder: null,
    bid: 40_000 * (1 + random.below(6)),
  }));
  const ranked = [...candidates.filter((x) => mayBid(x.bidder, x.bid, ms)), ...outside].sort(
    (a, b) => b.bid - a.bid,
  );
  const shown = 1 + random.below(3);
  return candidates.map(({ bidder, pv, bid }) => {
    const place = ranked.findIndex((x) => x.bidder === bidder);
    const slot = place >= 0 && place < 3 ? place + 1 : 0;
    const exposed = slot > 0 && slot <= shown;
    const others = ranked.filter((x) => x.bidder !== bidder).map((x) => x.bid);
    const cost = exposed ? Math.max(ranked[place + 1]?.bid ?? 0, RESERVE) : 0;
    bidder.spent += cost;
    bidder.wins += slot > 0 ? 1 : 0;
    return {
      kind: 'outcome',
      event_id: `o${String(n).padStart(6, '0')}-${bidder.id}`,
      event_time: ms,
      campaign_id: bidder.id,
      auction_id: `x${n}`,
      task: bidder.task,
      pv,
      pv_sigma: 0,
      bid,
      slot,
      exposed,
      shown,
      cost,
      competing_1: others[0] ?? 0,
      competing_2: others[1] ?? 0,
      competing_3: others[2] ?? 0,
      model_version: '',
    };
  });
}

/** Now and then a sale or a basket follows an exposure, an hour or so later. */
function rewardsOf(outcomes: readonly OutcomeEvent[], random: Random): ArrivedEvent[] {
  return outcomes
    .filter((o) => o.exposed && random.next() < 0.3)
    .map((o) => {
      const time = o.event_time + random.below(8 * STEP_MS);
      const shared = { event_time: time, campaign_id: o.campaign_id, outcome_id: o.event_id };
      const event: AuctionEvent =
        o.task === 'sales'
          ? {
              ...shared,
              kind: 'conversion',
              event_id: `v-${o.event_id}`,
              gmv: 1_000_000 * (1 + random.below(90)),
              direct_gmv: 500_000,
              order_id: '',
            }
          : { ...shared, kind: 'cart', event_id: `v-${o.event_id}`, items: 1 + random.below(3) };
      return { event, arrivalMs: time + random.below(2 * STEP_MS) };
    });
}

function logOf(
  bidders: readonly Bidder[],
  outcomes: readonly OutcomeEvent[],
  startMs: number,
): DayLog {
  const campaigns = bidders.map((bidder): CampaignLog => {
    const own = outcomes.filter((o) => o.campaign_id === bidder.id);
    const column = (name: 'pv' | 'bid' | 'cost' | 'event_time' | `competing_${1 | 2 | 3}`) =>
      Float64Array.from(own, (o) => o[name]);
    return {
      campaignId: bidder.id,
      advertiserId: bidder.states[0]!.advertiser_id,
      task: bidder.task,
      campaignEvents: bidder.states.map((s) => ({
        eventTime: s.event_time,
        budget: s.budget,
        active: s.status === 'active',
      })),
      outcomes: {
        count: own.length,
        eventTime: column('event_time'),
        pv: column('pv'),
        bid: column('bid'),
        slot: Uint8Array.from(own, (o) => o.slot),
        exposed: Uint8Array.from(own, (o) => Number(o.exposed)),
        shown: Uint8Array.from(own, (o) => o.shown),
        cost: column('cost'),
        competing1: column('competing_1'),
        competing2: column('competing_2'),
        competing3: column('competing_3'),
      },
    };
  });
  return { day: DAY, startMs, campaigns };
}

/**
 * A whole-market auction written apart from the replay: every campaign bids in one auction after
 * another under the participation rule, and the log keeps what a sealed day would.
 */
export function smallDay(seed: number, options: SmallDayOptions = {}): SmallDay {
  const { campaigns = 5, auctions = 150 } = options;
  const random = seededRandom(seed, 5);
  const startMs = dayStartMs(DAY);
  const bidders = Array.from({ length: campaigns }, (_, c) =>
    bidderOf(c, startMs, random, options),
  );
  const spacing = Math.floor((96 * STEP_MS) / auctions);
  const outcomes: OutcomeEvent[] = [];
  for (let n = 0; n < auctions; n++) {
    if (n % 10 === 0) for (const b of bidders) b.alpha *= 0.8 + 0.4 * random.below(2);
    outcomes.push(...auction(bidders, startMs + n * spacing, n, random));
  }
  const events = [
    ...bidders.flatMap((b) => b.states.map((event) => ({ event, arrivalMs: event.event_time }))),
    ...outcomes.map((event) => ({ event, arrivalMs: event.event_time + random.below(5000) })),
    ...rewardsOf(outcomes, random),
  ];
  const truth = new Map(bidders.map((b) => [b.id, { wins: b.wins, cost: b.spent }]));
  return { events, log: logOf(bidders, outcomes, startMs), truth };
}

/** The day's sums through the accumulator. */
export function stepsOf(events: readonly ArrivedEvent[]): DaySteps {
  const accumulator = createStepAccumulator({
    day: DAY,
    utcOffsetMinutes: 0,
    reserve: RULES.reserve,
    tasks: TASKS,
  });
  for (const { event, arrivalMs } of events) accumulator.push(event, arrivalMs);
  return accumulator.daySteps();
}

/** Days of sums under consecutive dates, for windows. */
export function daysOfSteps(count: number): DaySteps[] {
  return Array.from({ length: count }, (_, d) => ({
    ...stepsOf(smallDay(100 + d).events),
    day: addDays(DAY, d),
  }));
}
