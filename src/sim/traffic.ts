import { mean, type Random, seededRandom, STEP_MS, STEPS } from '../core/index.ts';
import { NANO, MICRO } from '../contracts/index.ts';
import { shownSlots, SHOWN_PROBABILITY } from './auction.ts';
import type { DayState } from './day-state.ts';
import { normalHigh, normalLow } from './gaussian.ts';
import { STREAM, type World } from './settings.ts';

/** Traffic by weekday, Monday first: weekly shares of Avito's public data (MIT). */
const WEEKDAY = [1.079, 1.228, 1.026, 1.007, 0.96, 0.859, 0.84] as const;

/** ln of the day curve: harmonics fitted to a million page views of AuctionNet (Apache-2.0). */
function lnTraffic(step: number): number {
  const x = (2 * Math.PI * step) / STEPS;
  const first = -0.3642 * Math.cos(x) - 0.7181 * Math.sin(x);
  const second = 0.257 * Math.cos(2 * x) - 0.525 * Math.sin(2 * x);
  return first + second + 0.2138 * Math.cos(3 * x) - 0.0751 * Math.sin(3 * x);
}

function dayCurve(phase: number): Float64Array {
  const curve = Float64Array.from({ length: STEPS }, (_, t) => Math.exp(lnTraffic(t + phase)));
  const middle = mean(curve);
  return curve.map((x) => x / middle);
}

/** Share of a mean day's traffic before step t, t = 0..96. */
export function trafficShares(): Float64Array {
  const shares = new Float64Array(STEPS + 1);
  dayCurve(0).forEach((x, t) => (shares[t + 1] = (shares[t] ?? 0) + x / STEPS));
  return shares;
}

/** Auctions of a step. `random` gives the step's own noise. */
export function auctionCount(
  auctionsPerDay: number,
  state: DayState,
  weekday: number,
  step: number,
  random: Random,
): number {
  const share = (dayCurve(state.phase)[step] ?? 0) / STEPS;
  const week = WEEKDAY[weekday] ?? 1;
  const noise = Math.exp(0.08 * random.normal());
  return Math.round(auctionsPerDay * share * week * state.volume * noise);
}

/** One auction opportunity. The arrays are reused from one to the next. */
export interface Impression {
  /** Milliseconds since the start of the step. */
  offsetMs: number;
  scene: number;
  /** Positions shown, 1..3. */
  shown: number;
  /** Predicted value per campaign, nano-units of its task's reward; 0 = not a candidate. */
  readonly pv: Float64Array;
  /** The three outside bids, micro-units, descending. */
  readonly outside: Float64Array;
}

export function createImpression(campaigns: number): Impression {
  return {
    offsetMs: 0,
    scene: 0,
    shown: 1,
    pv: new Float64Array(campaigns),
    outside: new Float64Array(3),
  };
}

export const SAME_SCENE = 0.8;
export const OTHER_SCENE = -0.3;
/** Mean of the highest outside bid, currency. */
export const OUTSIDE_LEVEL = 0.14;
export const INTENT_IN_PRICE = 0.4;
export const PRICE_NOISE = 0.55;
const PRICE_CENTRE = (INTENT_IN_PRICE ** 2 + PRICE_NOISE ** 2) / 2;

/**
 * The auctions of one step as a function that draws the next one. The number of draws an auction
 * takes never depends on bids: every policy meets the same users, values and rival bids.
 */
export function openStep(
  world: World,
  state: DayState,
  stepKey: readonly [day: number, step: number],
  count: number,
): (into: Impression) => void {
  const [, step] = stepKey;
  const random = seededRandom(world.seed, STREAM.traffic, ...stepKey, 1);
  const { scenes } = world.config.simulator;
  const tasks = world.tasks.map((task, k) => {
    const day = state.tasks[k];
    const { intentLoading: intent, browseLoading: browse } = task;
    const noise = day?.noise ?? 0;
    const base = Math.log(task.value) + (day?.lnCurve[step] ?? 0);
    const lnScene = day?.lnScene ?? new Float64Array(scenes);
    return {
      intent,
      browse,
      noise,
      lnScene,
      base: base - (intent ** 2 + browse ** 2 + noise ** 2) / 2,
    };
  });
  const lnOutside =
    Math.log(OUTSIDE_LEVEL) +
    0.25 * Math.cos((2 * Math.PI * (step - 86)) / STEPS) +
    state.market -
    PRICE_CENTRE;
  const stride = Math.floor(STEP_MS / Math.max(1, count));
  const perTask = new Float64Array(tasks.length);
  let index = 0;
  return (into) => {
    into.offsetMs = index++ * stride + random.below(stride);
    into.scene = random.below(scenes);
    const user = random.uint32();
    const intent = normalLow(user);
    const browse = normalHigh(user);
    const shownWord = random.uint32();
    into.shown = shownSlots(
      (shownWord & 0xffff) < SHOWN_PROBABILITY[1] * 65536,
      shownWord >>> 16 < SHOWN_PROBABILITY[2] * 65536,
    );
    drawOutside(into.outside, lnOutside + INTENT_IN_PRICE * intent, random);
    tasks.forEach((t, k) => {
      const scene = t.lnScene[into.scene] ?? 0;
      perTask[k] = t.base + t.intent * intent + t.browse * browse + scene;
    });
    for (let c = 0; c < world.campaigns.length; c++) {
      const word = random.uint32();
      const campaign = world.campaigns[c];
      if (!campaign) continue;
      const same = campaign.scene === into.scene;
      // Three bits beside the 16 of the noise: one in 8/3 auctions of other scenes.
      const eligible = same || ((word >>> 16) & 7) < 3;
      const noise = (tasks[campaign.task]?.noise ?? 0) * normalLow(word);
      const fit = campaign.lnQuality + (same ? SAME_SCENE : OTHER_SCENE) + noise;
      const value = eligible ? Math.exp((perTask[campaign.task] ?? 0) + fit) : 0;
      into.pv[c] = eligible ? Math.max(1, Math.round(value * NANO)) : 0;
    }
  };
}

function drawOutside(outside: Float64Array, lnLevel: number, random: Random): void {
  let bid = Math.exp(lnLevel + PRICE_NOISE * normalLow(random.uint32())) * MICRO;
  for (let i = 0; i < 3; i++) {
    outside[i] = Math.round(bid);
    bid *= 0.6 + 0.4 * random.next();
  }
}
