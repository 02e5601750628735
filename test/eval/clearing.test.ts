import { describe, expect, it } from 'vitest';
import { mean, STEP_MS, STEPS, sum } from '../../src/core/index.ts';
import type { CampaignLog } from '../../src/contracts/index.ts';
import {
  bestConstant,
  clearingAlphas,
  createReplayMarket,
  hindsightAlphas,
  spendCurves,
} from '../../src/eval/index.ts';
import { RULES, smallDay, stepsOf, TASKS } from '../helpers/eval-auction.ts';
import { simConfig, simulateDays } from '../helpers/sim-world.ts';

const { log, events } = smallDay(3, { auctions: 4000, budgets: 0.4, changes: false });
const steps = stepsOf(events);
const priceOf = (task: string): number => TASKS.find(({ id }) => id === task)!.unitPrice;
const curvesOf = (campaign: CampaignLog) =>
  spendCurves(campaign, log.startMs, priceOf(campaign.task), RULES);

/** The same day with budgets that are no limit. */
function unlimited(of: typeof log): typeof log {
  const campaigns = of.campaigns.map((c) => ({
    ...c,
    campaignEvents: c.campaignEvents.map((event) => ({ ...event, budget: 1e12 })),
  }));
  return { ...of, campaigns };
}

function replayConstant(of: typeof log, alphas: readonly number[]) {
  const market = createReplayMarket(of, steps, RULES);
  market.reset();
  while (market.step < STEPS) market.play(Float64Array.from(alphas));
  return market;
}

/** Money that each step starts with if nothing is spent. */
const untouched = (budget: number): Float64Array => new Float64Array(STEPS).fill(budget);

describe('spendCurves', () => {
  it('are what replay costs a step when budgets are no limit', () => {
    const pausing = smallDay(8, { auctions: 900, changes: true }).log;
    for (const day of [log, pausing]) {
      const free = unlimited(day);
      const curves = free.campaigns.map(curvesOf);
      for (const a of [4, 17, 30]) {
        const market = replayConstant(
          free,
          curves.map(({ alphas }) => alphas[a]!),
        );
        free.campaigns.forEach((_, c) => {
          const { cost } = market.observe(c).columns;
          expect([...curves[c]!.costs[a]!]).toEqual([...cost.subarray(0, STEPS)]);
        });
        expect(sum(curves[0]!.costs[a]!)).toBeGreaterThan(0);
      }
    }
  });
});

describe('clearingAlphas', () => {
  it('at the start of a day earn nearly what the best constants in hindsight do', async () => {
    const config = await simConfig({ auctionsPerDay: 2400 });
    const [day] = await simulateDays(config, 1);
    const played = day!.log();
    const rules = { ...config.market, tasks: config.tasks };
    const market = createReplayMarket(played, day!.truth, rules);
    const best = bestConstant(market, config.tasks);
    const start = market.campaigns.map(({ budget, task }, c) => {
      const { unitPrice } = config.tasks.find(({ id }) => id === task)!;
      const curves = spendCurves(played.campaigns[c]!, played.startMs, unitPrice, rules);
      return Math.exp(clearingAlphas(curves, untouched(budget))[0]!);
    });
    market.reset();
    while (market.step < STEPS) market.play(Float64Array.from(start));
    const shares = market.results().map(({ return: earned }, c) => earned / best.returns[c]!);
    expect(mean(shares)).toBeGreaterThan(0.96);
    expect(Math.min(...shares)).toBeGreaterThan(0.75);
  });

  it('rise with what is left', () => {
    const curves = curvesOf(log.campaigns[0]!);
    const [poor, rich] = [1e5, 4e5].map((left) => clearingAlphas(curves, untouched(left)));
    poor!.forEach((x, t) => expect(rich![t]).toBeGreaterThanOrEqual(x));
    expect(rich![0]).toBeGreaterThan(poor![0]!);
  });

  it('are the highest tried where money is over whatever is bid, and spend nothing where none is left', () => {
    const curves = curvesOf(log.campaigns[0]!);
    const ends = [1e15, 0].map((left) => Math.exp(clearingAlphas(curves, untouched(left))[0]!));
    expect(ends[0]).toBeCloseTo(5 * 0.4, 9);
    const dearer = curves.costs.filter((_, a) => curves.alphas[a]! > ends[1]! * 1.0001);
    expect(sum(dearer[0]!)).toBeGreaterThan(0);
    const cheaper = curves.costs.filter((_, a) => curves.alphas[a]! <= ends[1]! * 1.0001);
    expect(sum(cheaper.at(-1)!)).toBe(0);
  });

  it('depend on the outcomes from their step on and on no earlier one', () => {
    const campaign = log.campaigns[1]!;
    const from = 40;
    const earlier = campaign.outcomes.eventTime.map((ms) =>
      ms < log.startMs + from * STEP_MS ? 1 : 0,
    );
    const { pv } = campaign.outcomes;
    const outcomes = { ...campaign.outcomes, pv: pv.map((x, i) => x * (earlier[i] ? 3 : 1)) };
    const left = untouched(5e5);
    const before = clearingAlphas(curvesOf(campaign), left);
    const after = clearingAlphas(curvesOf({ ...campaign, outcomes }), left);
    expect([...after.subarray(from)]).toEqual([...before.subarray(from)]);
    expect(after[0]).not.toBe(before[0]);
  });
});

describe('hindsightAlphas', () => {
  const options = { startMs: log.startMs, unitPrice: 0.4, rules: RULES };

  it('start from what was left in the logged day', () => {
    const [campaign] = log.campaigns;
    const own = steps.campaigns[0]!;
    expect(hindsightAlphas(campaign!, own, options)).toEqual(
      clearingAlphas(curvesOf(campaign!), own.columns.remaining),
    );
  });

  it('are not known where the log lacks competing bids', () => {
    const [campaign] = log.campaigns;
    const { outcomes } = campaign!;
    const blind = { ...outcomes, competing1: outcomes.competing1.map(() => 0) };
    expect(
      hindsightAlphas({ ...campaign!, outcomes: blind }, steps.campaigns[0]!, options),
    ).toBeNull();
  });
});
