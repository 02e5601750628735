import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/core/index.ts';
import { STEP_COLUMNS } from '../../src/contracts/index.ts';
import {
  bestConstant,
  bestConstantPolicy,
  CONSTANT_GRID,
  constantPolicy,
  createReplayMarket,
  dayEfficiencies,
  loggedPolicy,
  type Market,
  playDay,
  type Policy,
} from '../../src/eval/index.ts';
import { RULES, smallDay, stepsOf, TASKS } from '../helpers/eval-auction.ts';

const seeds = fc.integer({ min: 0, max: 1_000_000 });
const NO_REWARD = STEP_COLUMNS.filter((c) => !c.startsWith('reward'));
const priceOf = (task: string) => TASKS.find((t) => t.id === task)!.unitPrice;

function marketOf(seed: number, options?: Parameters<typeof smallDay>[1]): Market {
  const day = smallDay(seed, options);
  return createReplayMarket(day.log, stepsOf(day.events), RULES);
}

/** Each campaign draws an alpha of 0.1 to 10 unit prices at every step. */
function erratic(seed: number): Policy {
  return {
    name: 'erratic',
    choose: (market) =>
      Float64Array.from(market.campaigns, ({ task }, c) => {
        const random = seededRandom(seed, market.step, c);
        return priceOf(task) * 10 ** (2 * random.next() - 1);
      }),
  };
}

describe('createReplayMarket', () => {
  it('gives the logged wins and costs, and every sum of every step, for the logged bids', async () => {
    let wins = 0;
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const day = smallDay(seed);
        const steps = stepsOf(day.events);
        const market = createReplayMarket(day.log, steps, RULES);
        const results = await playDay(market, loggedPolicy());
        results.forEach((result, c) => {
          const truth = day.truth.get(result.campaignId)!;
          expect(result.wins).toBe(truth.wins);
          expect(result.cost * 1e6).toBeCloseTo(truth.cost, 3);
          const { columns } = market.observe(c);
          for (const name of NO_REWARD)
            expect([...columns[name]], `${result.campaignId} ${name}`).toEqual([
              ...steps.campaigns[c]!.columns[name],
            ]);
          wins += result.wins;
        });
      }),
      { numRuns: 40 },
    );
    expect(wins).toBeGreaterThan(1000);
  });

  it('takes an alpha that makes the logged bids as the logged bids, ties included', async () => {
    const day = smallDay(11);
    const log = {
      ...day.log,
      campaigns: day.log.campaigns.map((c) => ({
        ...c,
        outcomes: { ...c.outcomes, bid: c.outcomes.pv.map((pv) => Math.round((0.4 * pv) / 1000)) },
      })),
    };
    const market = createReplayMarket(log, stepsOf(day.events), RULES);
    const asLogged = await playDay(market, loggedPolicy());
    const asAlpha = await playDay(
      market,
      constantPolicy('c', () => 0.4),
    );
    expect(asAlpha.map(({ wins, cost }) => ({ wins, cost }))).toEqual(
      asLogged.map(({ wins, cost }) => ({ wins, cost })),
    );
    expect(asAlpha.every((r) => r.realised === null)).toBe(true);
    expect(asLogged.every((r) => r.realised !== null)).toBe(true);
  });

  it('never spends more than the budget, whatever is bid', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const market = marketOf(seed, { changes: false });
        const results = await playDay(market, erratic(seed));
        results.forEach((result, c) => {
          expect(result.cost).toBeLessThanOrEqual(result.budget);
          const { remaining, cost, budget } = market.observe(c).columns;
          const spent = cost.reduce((a, b) => a + b, 0);
          expect(remaining[96]).toBe(budget[0]! - spent);
        });
      }),
      { numRuns: 25 },
    );
  });

  it('starts again from the same day after a reset', async () => {
    const market = marketOf(21);
    const first = await playDay(market, erratic(1));
    await playDay(market, erratic(2));
    expect(await playDay(market, erratic(1))).toEqual(first);
    expect(() => market.play(new Float64Array(5))).toThrow(/over/);
  });

  it('shows a policy nothing of the step to be played or later', () => {
    const market = marketOf(22);
    market.reset();
    while (market.step < 96) {
      market.campaigns.forEach((_, c) => {
        const { columns } = market.observe(c);
        for (const name of STEP_COLUMNS) {
          const from = ['budget', 'remaining', 'active'].includes(name) ? 1 : 0;
          expect(columns[name].slice(market.step + from).every((x) => x === 0)).toBe(true);
        }
      });
      market.play(Float64Array.from(market.campaigns, ({ task }) => priceOf(task)));
    }
  });

  it('prices by hand: the bid below, at least the reserve, and only where shown', async () => {
    const day = smallDay(1, { campaigns: 1, auctions: 1, changes: false });
    const only = day.log.campaigns[0]!;
    const one = (n: number) => Float64Array.of(n);
    const log = (shown: number, competing: number[]) => ({
      ...day.log,
      campaigns: [
        {
          ...only,
          campaignEvents: [{ eventTime: day.log.startMs, budget: 1_000_000, active: true }],
          outcomes: {
            count: 1,
            eventTime: one(day.log.startMs),
            pv: one(1e9),
            bid: one(0),
            slot: Uint8Array.of(0),
            exposed: Uint8Array.of(0),
            shown: Uint8Array.of(shown),
            cost: one(0),
            competing1: one(competing[0]!),
            competing2: one(competing[1]!),
            competing3: one(competing[2]!),
          },
        },
      ],
    });
    const steps = stepsOf(day.events);
    const cost = async (alpha: number, shown: number, competing: number[]) => {
      const market = createReplayMarket(log(shown, competing), steps, RULES);
      const [result] = await playDay(
        market,
        constantPolicy('c', () => alpha),
      );
      return { cost: result!.cost, wins: result!.wins };
    };
    expect(await cost(0.5, 3, [400_000, 300_000, 0])).toEqual({ cost: 0.4, wins: 1 });
    expect(await cost(0.35, 3, [400_000, 300_000, 0])).toEqual({ cost: 0.3, wins: 1 });
    expect(await cost(0.35, 1, [400_000, 300_000, 0])).toEqual({ cost: 0, wins: 1 });
    expect(await cost(0.4, 3, [400_000, 300_000, 0])).toEqual({ cost: 0.3, wins: 1 });
    expect(await cost(0.2, 3, [400_000, 300_000, 0])).toEqual({ cost: 0.01, wins: 1 });
    expect(await cost(0.2, 3, [400_000, 300_000, 200_000])).toEqual({ cost: 0, wins: 0 });
    expect(await cost(1.1, 3, [400_000, 300_000, 0])).toEqual({ cost: 0, wins: 0 });
    expect(await cost(1, 3, [400_000, 300_000, 0])).toEqual({ cost: 0.4, wins: 1 });
    expect(await cost(0.35, 0, [400_000, 300_000, 0])).toEqual({ cost: 0.3, wins: 1 });
    expect(await cost(0.009, 3, [0, 0, 0])).toEqual({ cost: 0, wins: 0 });
  });
});

describe('bestConstant', () => {
  it('is at least as good as every constant of the grid', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const market = marketOf(seed);
        const best = bestConstant(market, TASKS);
        for (const units of CONSTANT_GRID) {
          const results = await playDay(
            market,
            constantPolicy('c', ({ task }) => units * priceOf(task)),
          );
          results.forEach((r, c) => expect(best.returns[c]).toBeGreaterThanOrEqual(r.return));
        }
        const replayed = await playDay(
          market,
          bestConstantPolicy('hindsight', market.campaigns, best),
        );
        expect(replayed.map((r) => r.return)).toEqual([...best.returns]);
      }),
      { numRuns: 10 },
    );
  });

  it('gives a campaign without a yesterday the geometric mean of its task', () => {
    const known = [
      { campaignId: 'a', task: 'sales', budget: 1 },
      { campaignId: 'b', task: 'sales', budget: 1 },
    ];
    const best = { alphas: Float64Array.of(0.1, 0.4), returns: Float64Array.of(1, 1) };
    const today = { campaigns: [...known, { campaignId: 'new', task: 'sales', budget: 1 }] };
    const chosen = bestConstantPolicy('yesterday', known, best).choose(today as unknown as Market);
    expect((chosen as Float64Array)[2]).toBeCloseTo(0.2, 12);
    expect([...(chosen as Float64Array)].slice(0, 2)).toEqual([0.1, 0.4]);
  });
});

describe('dayEfficiencies', () => {
  it('is the return over the best constant return, or over the budget where the log lacks bids', () => {
    const day = smallDay(31);
    const steps = stepsOf(day.events);
    const market = createReplayMarket(day.log, steps, RULES);
    const { returns } = bestConstant(market, TASKS);
    const earned = (c: number) =>
      steps.campaigns[c]!.columns.pv_won.reduce((a, b) => a + b, 0) / 1e9;
    dayEfficiencies(day.log, steps, RULES).forEach((e, c) => {
      expect(e.campaignId).toBe(steps.campaigns[c]!.campaignId);
      expect(e.efficiency).toBeCloseTo(earned(c) / returns[c]!, 12);
    });
    const blind = {
      ...day.log,
      campaigns: day.log.campaigns.map((c) => ({
        ...c,
        outcomes: { ...c.outcomes, competing1: c.outcomes.competing1.map(() => 0) },
      })),
    };
    dayEfficiencies(blind, steps, RULES).forEach((e, c) => {
      const budget = steps.campaigns[c]!.columns.budget[96]! / 1e6;
      expect(e.efficiency).toBeCloseTo(earned(c) / budget, 12);
    });
  });
});
