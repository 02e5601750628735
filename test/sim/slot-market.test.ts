import { describe, expect, it } from 'vitest';
import { mean, STEPS, sum } from '../../src/core/index.ts';
import type { DaySteps, StepColumn } from '../../src/contracts/index.ts';
import {
  createSlotMarket,
  createSlotWorld,
  createWorld,
  simulateDay,
  simulateSlotDay,
} from '../../src/sim/index.ts';
import { simConfig } from '../helpers/sim-world.ts';

const config = await simConfig({ auctionsPerDay: 4800 });
const world = createSlotWorld(config);
const day = simulateSlotDay(world, 3);

const perCampaign = (steps: DaySteps, column: StepColumn): number =>
  mean(steps.campaigns.map((c) => sum(c.columns[column])));

describe('a slot-level day', () => {
  it('is the same each time, and another for another seed', async () => {
    expect(simulateSlotDay(world, 3)).toEqual(day);
    const other = createSlotWorld(await simConfig({ auctionsPerDay: 4800, seed: 9 }));
    expect(simulateSlotDay(other, 3)).not.toEqual(day);
  });

  it('never spends more than a budget in force, and counts what is left', () => {
    for (const { columns } of day.campaigns) {
      let spent = 0;
      for (let t = 0; t < STEPS; t++) {
        expect(columns.remaining[t]).toBe(columns.budget[t]! - spent);
        expect(columns.cost[t]).toBeLessThanOrEqual(Math.max(0, columns.remaining[t]!));
        expect(columns.wins[t]).toBeLessThanOrEqual(columns.outcomes[t]!);
        expect(columns.exposures[t]).toBeLessThanOrEqual(columns.wins[t]!);
        spent += columns.cost[t]!;
      }
    }
  });

  it('has sums of the size that single auctions give', async () => {
    const auctions = await simulateDay({ world: createWorld(config), day: 3 });
    for (const column of ['outcomes', 'pv', 'lwc', 'pv_won', 'exposures', 'cost'] as const) {
      const ratio = perCampaign(day, column) / perCampaign(auctions.truth, column);
      expect(ratio, column).toBeGreaterThan(0.6);
      expect(ratio, column).toBeLessThan(1.7);
    }
  });

  it('gives no campaign fewer wins for higher bids while its budget lasts', () => {
    const market = createSlotMarket(world, 3);
    const winsAt = (units: number): number[] => {
      market.reset();
      const alphas = market.campaigns.map(
        ({ task }) => units * (world.tasks.find((t) => t.id === task)?.unitPrice ?? 0),
      );
      market.play(Float64Array.from(alphas));
      return market.campaigns.map((_, c) => market.observe(c).columns.wins[0]!);
    };
    const [low, high] = [winsAt(0.05), winsAt(0.4)];
    low.forEach((wins, c) => expect(high[c]).toBeGreaterThanOrEqual(wins));
    expect(sum(high)).toBeGreaterThan(sum(low));
  });
});
