import { describe, expect, it } from 'vitest';
import {
  type CampaignSteps,
  emptyStepColumns,
  marketFile,
  marketKey,
  parseMarketDay,
} from '../../src/contracts/index.ts';
import { dayKey, seededRandom, STEPS } from '../../src/core/index.ts';
import { marketSeries, marketSums, marketWindow, windowOfSums } from '../../src/features/index.ts';

const TASKS = [
  { id: 'store', unitPrice: 0.4 },
  { id: 'cart', unitPrice: 6.7 },
];
const WIDTH = 4 + TASKS.length;
const SCALE = {
  marketMean: Array.from({ length: WIDTH }, (_, j) => 0.1 * j),
  marketSd: Array.from({ length: WIDTH }, (_, j) => 0.5 + 0.1 * j),
};

function campaign(seed: number, task: string): CampaignSteps {
  const random = seededRandom(seed, 5);
  const columns = emptyStepColumns();
  for (const name of ['outcomes', 'lwc', 'wins', 'pv', 'reward_seen'] as const)
    for (let t = 0; t < STEPS; t++) columns[name][t] = Math.floor(1e6 * random.next());
  return { campaignId: `c${seed}`, advertiserId: '', task, columns };
}
const dayOf = (seed: number) => ({
  campaigns: [campaign(seed, 'store'), campaign(seed + 1, 'cart'), campaign(seed + 2, 'store')],
});

describe('the market window', () => {
  it('is the standardised series of its days, oldest first, clipped at five deviations', () => {
    const days = [dayOf(1), dayOf(10)];
    const window = marketWindow(days, TASKS, SCALE);
    expect(window).toHaveLength(2 * STEPS * WIDTH);
    const series = days.map((day) => marketSeries(day, TASKS));
    let clipped = 0;
    window.forEach((found, i) => {
      const raw = series[Math.floor(i / (STEPS * WIDTH))]![i % (STEPS * WIDTH)]!;
      const j = i % WIDTH;
      const z = (raw - SCALE.marketMean[j]!) / (SCALE.marketSd[j]! + 1e-6);
      if (Math.abs(z) > 5) clipped++;
      expect(found).toBeCloseTo(Math.min(5, Math.max(-5, z)), 5);
    });
    expect(clipped).toBeGreaterThan(0);
    expect(clipped).toBeLessThan(window.length);
  });

  it('does not depend on the order of the campaigns, to the bit', () => {
    const day = dayOf(3);
    const turned = { campaigns: [...day.campaigns].reverse() };
    expect(marketWindow([turned], TASKS, SCALE)).toEqual(marketWindow([day], TASKS, SCALE));
  });

  it('from what the store keeps of the days is the same, to the bit', () => {
    const days = [dayOf(1), dayOf(10)];
    const stored = days.map((day, i) => {
      const file = marketFile({
        day: `2026-01-0${i + 1}`,
        generation: 1,
        stepsDigest: 's',
        sums: marketSums(day),
      });
      return parseMarketDay(file, dayKey(`2026-01-0${i + 1}`)).sums;
    });
    expect(windowOfSums(stored, TASKS, SCALE)).toEqual(marketWindow(days, TASKS, SCALE));
  });

  it('knows a task’s own channel from another’s', () => {
    const day = { campaigns: [campaign(1, 'cart')] };
    const series = marketSeries(day, TASKS);
    expect(series[4]).toBe(0);
    expect(series[5]).toBeGreaterThan(0);
  });
});

describe('a stored market day', () => {
  const day = dayKey('2026-01-02');
  const file = marketFile({ day, generation: 3, stepsDigest: 's', sums: marketSums(dayOf(1)) });

  it('is refused when it is damaged or another day’s', () => {
    const text = new TextDecoder().decode(file);
    const damaged = new TextEncoder().encode(text.replace(/"lwc": \[\s*\d/, (m) => `${m}9`));
    expect(damaged.length).toBe(file.length + 1);
    for (const [bytes, asked] of [
      [damaged, day],
      [file, dayKey('2026-01-03')],
      [file.subarray(0, 100), day],
    ] as const)
      expect(() => parseMarketDay(bytes, asked)).toThrow(
        expect.objectContaining({ code: 'STORE_CORRUPT' }),
      );
    expect(parseMarketDay(file, day).generation).toBe(3);
    expect(marketKey(day)).toBe('market/2026-01-02.json');
  });
});
