import { seededRandom, STEPS } from '../core/index.ts';
import { MICRO, NANO } from '../contracts/index.ts';
import { neutralDay } from './day-state.ts';
import type { World } from './settings.ts';
import { type SlotLaw, slotLaw, winning } from './slot-law.ts';
import { auctionCount } from './traffic.ts';

/** Share of won places that are shown. */
const SHOWN = 0.8;

/** A step's sums before the budget has its say; integers in the units of `StepSums`. */
export function drawSlotSums(
  from: {
    readonly law: SlotLaw;
    readonly lnQuality: number;
    readonly auctions: number;
    readonly alpha: number;
  },
  normal: () => number,
) {
  const { law, lnQuality, auctions, alpha } = from;
  const outcomes = Math.max(0, Math.round(around(auctions * law.eligible, 1, normal)));
  const few = 1 / Math.sqrt(Math.max(1, outcomes));
  const value = law.value * Math.exp(lnQuality);
  const win = winning(law, alpha * Math.exp(lnQuality));
  const spread = Math.sqrt(win.share * (1 - win.share));
  const wins = Math.min(outcomes, Math.round(around(outcomes * win.share, spread, normal)));
  const exposures = Math.round(SHOWN * wins);
  const fewWon = 1 / Math.sqrt(Math.max(1, exposures));
  const noisy = (x: number, sd: number, by: number): number => x * Math.exp(sd * by * normal());
  return {
    outcomes,
    wins,
    exposures,
    pv: Math.round(noisy(outcomes * value, law.valueSd, few) * NANO),
    lwc: Math.round(noisy(outcomes * law.price, law.priceSd, few) * MICRO),
    cost: Math.round(noisy(exposures * win.price, law.priceSd, fewWon) * MICRO),
    pvWon: Math.round(noisy(exposures * win.value * Math.exp(lnQuality), 0.3, fewWon) * NANO),
  };
}

/** A count's normal approximation: mean and root of the variance's share of the mean. */
function around(mean: number, spread: number, normal: () => number): number {
  return Math.max(0, mean + spread * Math.sqrt(mean) * normal());
}

/**
 * Micro-units per campaign that a neutral day of slot-level sums costs when all bid what a unit is
 * worth: budgets are set on it.
 */
export function neutralSlotSpend(world: World): Float64Array {
  const state = neutralDay(world.config);
  const spend = new Float64Array(world.campaigns.length);
  const quiet = { ...seededRandom(0), normal: () => 0 };
  for (let step = 0; step < STEPS; step++) {
    const { auctionsPerDay } = world.config.simulator;
    const auctions = auctionCount(auctionsPerDay, state, 3, step, quiet);
    const laws = world.tasks.map((_, k) => slotLaw(world, state, k, step));
    world.campaigns.forEach(({ task, lnQuality }, c) => {
      const law = laws[task];
      const alpha = world.tasks[task]?.unitPrice ?? 0;
      if (!law) return;
      const { cost } = drawSlotSums({ law, lnQuality, auctions, alpha }, () => 0);
      spend[c] = (spend[c] ?? 0) + cost;
    });
  }
  return spend;
}
