import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { CampaignResult } from '../../src/contracts/index.ts';
import {
  cpaScore,
  deltaM,
  pairedInterval,
  replayThreshold,
  returnsByTask,
  taskRatios,
} from '../../src/eval/index.ts';

const golden = JSON.parse(
  readFileSync(new URL('../golden/golden-auction.json', import.meta.url), 'utf8'),
) as {
  deltaM: { method: string; stl: number[]; metrics: number[]; expected: number }[];
  score: { reward: number; cpa: number; cpaConstraint: number; score: number }[];
  offlineReplay: {
    bids: number[];
    leastWinningCosts: number[];
    status: number[];
    cost: number[];
  }[];
};

const result = (campaignId: string, task: string, earned: number): CampaignResult => ({
  campaignId,
  task,
  return: earned,
  realised: null,
  cost: 1,
  budget: 2,
  wins: 3,
});

describe('metrics', () => {
  it.each(golden.deltaM)('gives the published relative drop of $method', (c) => {
    expect(deltaM(c.stl, c.metrics)).toBeCloseTo(c.expected, 8);
  });

  it('scores a cost per action over its limit down by the square', () => {
    for (const c of golden.score) {
      const made = cpaScore({ reward: c.reward, cpa: c.cpa, limit: c.cpaConstraint });
      expect(Math.abs(made - c.score)).toBeLessThanOrEqual(1e-9 * Math.abs(c.score));
    }
  });

  it('replays against thresholds as published', () => {
    for (const c of golden.offlineReplay)
      c.bids.forEach((bid, i) => {
        expect(replayThreshold(bid, c.leastWinningCosts[i]!)).toEqual({
          won: c.status[i] === 1,
          cost: c.cost[i],
        });
      });
  });

  it('takes returns and paired ratios per task', () => {
    const ours = [result('a', 's', 2), result('b', 's', 4), result('c', 't', 3)];
    const theirs = [result('c', 't', 0), result('b', 's', 2), result('a', 's', 1)];
    expect(returnsByTask(ours)).toEqual({ s: 3, t: 3 });
    const ratios = taskRatios(ours, theirs);
    expect(ratios['s']).toEqual({ mean: 2, low: 2, high: 2 });
    expect(ratios['t']!.mean).toBe(1);
    const mixed = taskRatios([result('a', 's', 1), result('b', 's', 4)], theirs)['s']!;
    expect(mixed.mean).toBeCloseTo(5 / 3, 12);
    expect([mixed.low, mixed.high]).toEqual([1, 2]);
  });

  it('pairs differences', () => {
    expect(pairedInterval([3, 5, 9], [1, 3, 7])).toEqual({ mean: 2, low: 2, high: 2 });
    const wide = pairedInterval([1, 9], [0, 0]);
    expect(wide.low).toBeLessThan(wide.mean);
    expect(wide.high).toBeGreaterThan(wide.mean);
  });
});
