import { STEPS } from '../core/index.ts';
import type { DayState } from './day-state.ts';
import type { World } from './settings.ts';
import { INTENT_IN_PRICE, OTHER_SCENE, OUTSIDE_LEVEL, PRICE_NOISE, SAME_SCENE } from './traffic.ts';

/**
 * How a task's values and the price of a place are spread over the auctions of one step: both log
 * normal, correlated by the user's intent.
 */
export interface SlotLaw {
  /** Share of auctions a campaign is a candidate in. */
  readonly eligible: number;
  /** Mean value, units of reward, of a campaign of quality 1. */
  readonly value: number;
  /** Standard deviation of ln value. */
  readonly valueSd: number;
  /** Mean least winning cost, currency. */
  readonly price: number;
  readonly priceSd: number;
  /** Covariance of ln value and ln price. */
  readonly covariance: number;
}

/** Candidates of another scene take part in three of eight auctions. */
const OTHER_SHARE = 3 / 8;
/** The third outside bid is the first times two factors uniform in [0.6, 1]. */
const THIRD = { mean: 0.64, lnVariance: 0.043 };
/**
 * How far campaigns drive the price of a place above the outside bids. The auctions with the default
 * 50 campaigns have a mean least winning cost of 0.40 where the third outside bid alone has 0.09.
 */
const RIVALRY = 4.5;

/** The law of task `k` at a step of a day, with the constants of the auctions (`openStep`). */
export function slotLaw(world: World, state: DayState, k: number, step: number): SlotLaw {
  const task = world.tasks[k];
  const day = state.tasks[k];
  const { scenes } = world.config.simulator;
  const other = (1 - 1 / scenes) * OTHER_SHARE;
  const eligible = 1 / scenes + other;
  const fit = (Math.exp(SAME_SCENE) / scenes + other * Math.exp(OTHER_SCENE)) / eligible;
  const intent = task?.intentLoading ?? 0;
  const squares = intent ** 2 + (task?.browseLoading ?? 0) ** 2 + (day?.noise ?? 0) ** 2;
  const wave = 0.25 * Math.cos((2 * Math.PI * (step - 86)) / STEPS);
  return {
    eligible,
    value: (task?.value ?? 0) * Math.exp(day?.lnCurve[step] ?? 0) * fit,
    valueSd: Math.sqrt(squares),
    price: RIVALRY * OUTSIDE_LEVEL * THIRD.mean * Math.exp(wave + state.market),
    priceSd: Math.sqrt(INTENT_IN_PRICE ** 2 + PRICE_NOISE ** 2 + THIRD.lnVariance),
    covariance: INTENT_IN_PRICE * intent,
  };
}

/** What an alpha wins: the share of auctions, and the mean price and value of those won. */
export function winning(
  { value, valueSd, price, priceSd, covariance }: SlotLaw,
  alpha: number,
): { readonly share: number; readonly price: number; readonly value: number } {
  if (!(alpha > 0)) return { share: 0, price: 0, value: 0 };
  const sd = Math.sqrt(valueSd ** 2 + priceSd ** 2 - 2 * covariance);
  // ln(bid / price) is normal; the log-normal means stand half a variance above the medians.
  const middle = Math.log((alpha * value) / price) - valueSd ** 2 / 2 + priceSd ** 2 / 2;
  const share = normalCdf(middle / sd);
  if (share === 0) return { share: 0, price: 0, value: 0 };
  return {
    share,
    price: (price * normalCdf((middle + covariance - priceSd ** 2) / sd)) / share,
    value: (value * normalCdf((middle + valueSd ** 2 - covariance) / sd)) / share,
  };
}

/** Standard normal distribution function (Abramowitz and Stegun 26.2.17, error below 7.5e-8). */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const poly =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return x >= 0 ? 1 - tail : tail;
}
