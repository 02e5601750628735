import { type Random, seededRandom, STEPS } from '../core/index.ts';
import { type CampaignSteps, MICRO } from '../contracts/index.ts';
import { bestConstant, createReplayMarket, type Market } from '../eval/index.ts';
import { type AlphaLimits, bangBangNext, type PidState, pidNext } from '../features/index.ts';
import type { DayMarket } from './day-market.ts';
import { playedLog } from './played-log.ts';
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

/** The best constant alpha of each expert against the market of a day that has been played. */
export function expertAlphas(
  world: World,
  market: DayMarket,
  kinds: readonly Behaviour[],
): ReadonlyMap<string, number> {
  const experts = new Set(kinds.flatMap((kind, c) => (kind === 'expert' ? [c] : [])));
  const { market: rules, tasks } = world.config;
  const log = playedLog(market, experts, Math.round(rules.reserve * MICRO));
  const replay = createReplayMarket(log, { day: market.day, campaigns: [] }, { ...rules, tasks });
  const { alphas } = bestConstant(replay, tasks);
  return new Map(replay.campaigns.map((c, i) => [c.campaignId, alphas[i] ?? 0]));
}
