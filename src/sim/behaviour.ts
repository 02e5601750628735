import { type Random, seededRandom, STEPS } from '../core/index.ts';
import { type CampaignSteps, type DayLog, MICRO } from '../contracts/index.ts';
import { bestConstant, createReplayMarket, type Market } from '../eval/index.ts';
import { type AlphaLimits, bangBangNext, type PidState, pidNext } from '../features/index.ts';
import type { DayMarket } from './day-market.ts';
import { isExposed, paid, rivalBid } from './recording.ts';
import { type Behaviour, BEHAVIOURS, STREAM, type World } from './settings.ts';

/** Multipliers a campaign may use, in unit prices of its task. */
const MULTIPLIERS: AlphaLimits = { low: 0.05, high: 5 };

/**
 * Spread of ln alpha at the start of a day. Wide, so that the log shows feedback policies coming back
 * from far too low and far too high: what a planner must have seen to recover itself.
 */
const START_SPREAD = 0.8;

/** One campaign's policy for one day; called once a step, in order. */
type StepPolicy = (steps: CampaignSteps, step: number) => number;

/** What each campaign of the world does on a day. */
export interface DayBehaviour {
  readonly kinds: readonly Behaviour[];
  /** Alphas for the market's next step. */
  choose(market: Market): Float64Array;
}

function drawKind(shares: Readonly<Record<Behaviour, number>>, random: Random): Behaviour {
  let left = random.next();
  for (const kind of BEHAVIOURS) {
    left -= shares[kind];
    if (left < 0) return kind;
  }
  return 'pid';
}

function pidPolicy(world: World, start: number, limits: AlphaLimits): StepPolicy {
  let state: PidState = { alpha: start, error: 0 };
  return ({ columns }, step) => {
    const budget = columns.budget[step] ?? 0;
    const spent = budget - (columns.remaining[step] ?? 0);
    if (step > 0) {
      const trafficShare = world.shares[step] ?? 1;
      state = pidNext(state, { spent, budget, trafficShare }, limits);
    }
    return state.alpha;
  };
}

function bangBangPolicy(start: number, limits: AlphaLimits): StepPolicy {
  let alpha = start;
  return ({ columns }, step) => {
    const remaining = columns.remaining[step] ?? 0;
    if (step > 0 && remaining > 0) {
      const lastCost = columns.cost[step - 1] ?? 0;
      alpha = bangBangNext(alpha, { stepsLeft: STEPS - step, lastCost, remaining }, limits);
    }
    return alpha;
  };
}

/** PID times a slow random walk around 1: nearby actions at the same states. */
function exploring(inner: StepPolicy, limits: AlphaLimits, random: Random): StepPolicy {
  let x = 0;
  return (steps, step) => {
    x = 0.8 * x + 0.25 * random.normal();
    const alpha = inner(steps, step) * Math.exp(x);
    return Math.min(limits.high, Math.max(limits.low, alpha));
  };
}

/**
 * Draws every campaign's policy for a day. Campaigns drawn as experts play the constants given, or
 * pace by PID where none are: that is the first pass, on whose market the constants are found.
 */
export function drawBehaviour(
  world: World,
  dayNumber: number,
  experts?: ReadonlyMap<string, number>,
): DayBehaviour {
  const kinds: Behaviour[] = [];
  const policies = world.campaigns.map((campaign, c): StepPolicy => {
    const random = seededRandom(world.seed, STREAM.behaviour, dayNumber, c);
    const kind = drawKind(world.config.simulator.behaviour, random);
    kinds.push(kind);
    const price = world.tasks[campaign.task]?.unitPrice ?? 1;
    const limits = { low: MULTIPLIERS.low * price, high: MULTIPLIERS.high * price };
    const start = price * Math.exp(START_SPREAD * random.normal());
    const constant = price * Math.exp(Math.log(0.3) + random.next() * Math.log(10));
    const best = experts?.get(campaign.campaignId);
    const pid = pidPolicy(world, start, limits);
    switch (kind) {
      case 'constant':
        return () => constant;
      case 'bangbang':
        return bangBangPolicy(start, limits);
      case 'exploration':
        return exploring(pid, limits, random);
      case 'expert': {
        const played = (best ?? start) * Math.exp(0.1 * random.normal());
        return best === undefined ? pid : () => played;
      }
      case 'pid':
        return pid;
    }
  });
  return {
    kinds,
    choose: (market) =>
      Float64Array.from(policies, (policy, c) => policy(market.observe(c), market.step)),
  };
}

/** The played day as replay reads it, for the campaigns named. */
function dayLog(market: DayMarket, wanted: ReadonlySet<number>, reserve: number): DayLog {
  const rows = new Map<number, number[][]>([...wanted].map((c) => [c, []]));
  for (const recording of market.recordings) {
    for (let i = 0; i < recording.outcomes; i++) {
      const list = rows.get(recording.campaign[i] ?? -1);
      if (!list) continue;
      const auction = recording.auction[i] ?? 0;
      list.push([
        recording.timeMs[auction] ?? 0,
        recording.pv[i] ?? 0,
        recording.bid[i] ?? 0,
        recording.slot[i] ?? 0,
        Number(isExposed(recording, i)),
        recording.shown[auction] ?? 0,
        paid(recording, i, reserve),
        rivalBid(recording, i, 1),
        rivalBid(recording, i, 2),
        rivalBid(recording, i, 3),
      ]);
    }
  }
  const campaigns = [...rows].map(([c, list]) => {
    const column = (k: number): Float64Array => Float64Array.from(list, (row) => row[k] ?? 0);
    const { campaignId, advertiserId, task } = market.observe(c);
    return {
      campaignId,
      advertiserId,
      task,
      campaignEvents: (market.campaignEvents[c] ?? []).map((event) => ({
        eventTime: event.event_time,
        budget: event.budget,
        active: event.status === 'active',
      })),
      outcomes: {
        count: list.length,
        eventTime: column(0),
        pv: column(1),
        bid: column(2),
        slot: Uint8Array.from(column(3)),
        exposed: Uint8Array.from(column(4)),
        shown: Uint8Array.from(column(5)),
        cost: column(6),
        competing1: column(7),
        competing2: column(8),
        competing3: column(9),
      },
    };
  });
  return { day: market.day, startMs: market.startMs, campaigns };
}

/** The best constant alpha of each expert against the market of a day that has been played. */
export function expertAlphas(
  world: World,
  market: DayMarket,
  kinds: readonly Behaviour[],
): ReadonlyMap<string, number> {
  const experts = new Set(kinds.flatMap((kind, c) => (kind === 'expert' ? [c] : [])));
  const { market: rules, tasks } = world.config;
  const log = dayLog(market, experts, Math.round(rules.reserve * MICRO));
  const replay = createReplayMarket(log, { day: market.day, campaigns: [] }, { ...rules, tasks });
  const { alphas } = bestConstant(replay, tasks);
  return new Map(replay.campaigns.map((c, i) => [c.campaignId, alphas[i] ?? 0]));
}
