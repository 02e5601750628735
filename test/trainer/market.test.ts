import { describe, expect, it } from 'vitest';
import { STEPS } from '../../src/core/index.ts';
import { fitNormaliser, marketSeries, marketSums } from '../../src/features/index.ts';
import { marketWindows } from '../../src/trainer/night/market.ts';
import { daysOfSteps, TASKS } from '../helpers/eval-auction.ts';

const HISTORY = 2;
const timeline = daysOfSteps(6).map((steps) => ({ day: steps.day, steps }));
const days = timeline.slice(HISTORY).map(({ day }) => day);
const normaliser = fitNormaliser({
  days: timeline.slice(HISTORY, 5).map(({ steps }) => steps),
  tasks: TASKS,
  efficiencies: { sales: [0.2, 0.6, 0.9], baskets: [0.5, 0.7] },
  minRemaining: 0.1,
});
const marketsOf = (from: typeof timeline) =>
  from.map(({ day, steps }) => ({ day, market: marketSums(steps) }));
const windowsOf = (from: typeof timeline) =>
  marketWindows(days, marketsOf(from), HISTORY, normaliser);

describe('market windows', () => {
  it('hold the standardised series of the days right before each day, oldest first', () => {
    const { shape, data } = windowsOf(timeline);
    const channels = 4 + TASKS.length;
    expect(shape).toEqual([4, HISTORY * STEPS, channels]);
    // Window 1 is of timeline day 3: it begins with day 1.
    const series = marketSeries(timeline[1]!.steps, TASKS);
    const at = HISTORY * STEPS * channels;
    for (const i of [0, 5, 40 * channels + 3]) {
      const channel = i % channels;
      const wanted =
        (series[i]! - normaliser.marketMean[channel]!) / (normaliser.marketSd[channel]! + 1e-6);
      expect(data[at + i]).toBeCloseTo(wanted, 5);
    }
  });

  it('see nothing of the day itself nor of later days', () => {
    const before = windowsOf(timeline);
    const size = before.data.length / days.length;
    const windowOf = (all: typeof before, d: number) => all.data.slice(d * size, (d + 1) * size);
    for (const changed of [2, 3, 4, 5]) {
      const other = timeline.map(({ day, steps }, i) => {
        const campaigns = steps.campaigns.slice(i === changed ? 1 : 0);
        return { day, steps: { ...steps, campaigns } };
      });
      const after = windowsOf(other);
      days.forEach((_, d) => {
        const own = d + HISTORY;
        const isSeen = changed < own && changed >= own - HISTORY;
        if (isSeen) expect(windowOf(after, d)).not.toEqual(windowOf(before, d));
        else expect(windowOf(after, d)).toEqual(windowOf(before, d));
      });
    }
  });

  it('name the day whose history is not there', () => {
    expect(() =>
      marketWindows([timeline[1]!.day], marketsOf(timeline), HISTORY, normaliser),
    ).toThrow(expect.objectContaining({ code: 'WINDOW_INCOMPLETE' }));
  });
});
