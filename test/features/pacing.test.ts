import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bangBangNext, pidNext } from '../../src/features/index.ts';

const golden = JSON.parse(
  readFileSync(new URL('../golden/golden-auction.json', import.meta.url), 'utf8'),
) as { pid: { spendPerStep: number[]; remainingBefore: number[]; alpha: number[] }[] };

describe('bangBangNext', () => {
  it('reproduces the published alphas of a day of 48 steps from 15', () => {
    for (const c of golden.pid) {
      let alpha = 15;
      c.alpha.forEach((expected, t) => {
        if (t > 0)
          alpha = bangBangNext(alpha, {
            stepsLeft: 48 - t,
            lastCost: c.spendPerStep[t - 1]!,
            remaining: c.remainingBefore[t]!,
          });
        expect(alpha).toBeCloseTo(expected, 9);
      });
    }
  });

  it('stays within limits and finite without a budget left', () => {
    const limits = { low: 0.5, high: 2 };
    expect(bangBangNext(1.9, { stepsLeft: 9, lastCost: 0, remaining: 5 }, limits)).toBe(2);
    expect(bangBangNext(0.6, { stepsLeft: 9, lastCost: 5, remaining: 0 }, limits)).toBe(0.5);
    expect(bangBangNext(1, { stepsLeft: 9, lastCost: 0, remaining: 0 }, limits)).toBe(1);
  });
});

describe('pidNext', () => {
  const limits = { low: 0.05, high: 5 };

  it('follows the log of the spend ratio and its change', () => {
    const state = { alpha: 1, error: 0.1 };
    const next = pidNext(state, { spent: 30, budget: 100, trafficShare: 0.2 }, limits);
    const error = Math.log(0.31 / 0.21);
    expect(next.error).toBeCloseTo(error, 12);
    expect(next.alpha).toBeCloseTo(Math.exp(-0.15 * error - 0.3 * (error - 0.1)), 12);
  });

  it('raises alpha behind the plan, lowers it ahead, keeps it on the plan', () => {
    const after = (spent: number) =>
      pidNext({ alpha: 1, error: 0 }, { spent, budget: 100, trafficShare: 0.5 }, limits).alpha;
    expect(after(30)).toBeGreaterThan(1);
    expect(after(70)).toBeLessThan(1);
    expect(after(50)).toBe(1);
    const none = { spent: 0, budget: 0, trafficShare: 0.5 };
    expect(pidNext({ alpha: 1, error: 0 }, none, limits)).toEqual({ alpha: 1, error: 0 });
  });
});
