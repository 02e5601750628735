import { describe, expect, it } from 'vitest';
import { addDays, dayKey } from '../../src/core/index.ts';
import {
  type DaySteps,
  normaliser as normaliserSchema,
  STATE_FEATURES,
} from '../../src/contracts/index.ts';
import {
  fitLabelScale,
  fitNormaliser,
  logAlphas,
  marketChannels,
  marketSeries,
  planWindow,
  returnEfficiency,
  returnLabel,
  stepMask,
  toTrajectory,
  trafficShare,
} from '../../src/features/index.ts';
import { DAY, daysOfSteps, TASKS } from '../helpers/eval-auction.ts';

const days = daysOfSteps(7);
const WINDOW = { history: 1, train: 4, validation: 1, test: 1 };
const efficiencies = { sales: [0.2, 0.6, 0.9], baskets: [0.5, 0.7] };

/** The night's own path: choose the window, fit on its training days. */
function fit(all: readonly DaySteps[]) {
  const plan = planWindow({ sealed: all.map((d) => d.day), window: WINDOW });
  const train = all.filter((d) => plan.train.includes(d.day));
  return fitNormaliser({ days: train, tasks: TASKS, efficiencies, minRemaining: 0.1 });
}

/** A day with every sum doubled and its traffic moved. */
function altered(day: DaySteps): DaySteps {
  const campaigns = day.campaigns.map((c) => ({
    ...c,
    columns: Object.fromEntries(
      Object.entries(c.columns).map(([name, column]) => [name, column.map((x, t) => x * (1 + t))]),
    ) as (typeof c)['columns'],
  }));
  return { ...day, campaigns };
}

describe('fitNormaliser', () => {
  it('depends on the training days and on no other day', () => {
    const fitted = fit(days);
    expect(() => normaliserSchema.parse(fitted)).not.toThrow();
    for (const d of [0, 5, 6])
      expect(fit(days.map((day, i) => (i === d ? altered(day) : day)))).toEqual(fitted);
    for (const d of [1, 4])
      expect(fit(days.map((day, i) => (i === d ? altered(day) : day)))).not.toEqual(fitted);
  });

  it('makes training states of mean 0 and deviation 1 and actions likewise', () => {
    const normaliser = fit(days);
    const options = { normaliser, minRemaining: 0.1 };
    const trajectories = days
      .slice(1, 5)
      .flatMap((d) => d.campaigns.map((c) => toTrajectory(c, 0.6, options)!));
    const lastBids = trajectories.flatMap((t) =>
      Array.from({ length: 97 }, (_, s) => t.states[s * STATE_FEATURES + 3]!),
    );
    const actions = trajectories
      .filter((t) => t.task === 0)
      .flatMap((t) => [...t.actions].filter((_, s) => t.mask[s] === 1));
    for (const xs of [lastBids, actions]) {
      const m = xs.reduce((a, b) => a + b, 0) / xs.length;
      const v = xs.reduce((a, b) => a + (b - m) ** 2, 0) / xs.length;
      expect(m).toBeCloseTo(0, 1);
      expect(v).toBeCloseTo(1, 1);
    }
  });

  it('limits alpha to the outermost thousandths of the training steps', () => {
    const normaliser = fit(days);
    for (const { id, alphaLow, alphaHigh } of normaliser.tasks) {
      const alphas = days
        .slice(1, 5)
        .flatMap((day) => day.campaigns.filter((c) => c.task === id))
        .flatMap((c) => {
          const mask = stepMask(c, 0.1);
          return [...logAlphas(c).values].filter((_, t) => mask[t] === 1).map(Math.exp);
        })
        .sort((a, b) => a - b);
      expect(alphas.filter((a) => a < alphaLow).length).toBeLessThanOrEqual(
        alphas.length / 500 + 1,
      );
      expect(alphas.filter((a) => a > alphaHigh).length).toBeLessThanOrEqual(
        alphas.length / 500 + 1,
      );
      expect(alphaLow).toBeGreaterThanOrEqual(alphas[0]!);
      expect(alphaHigh).toBeLessThanOrEqual(alphas.at(-1)! * (1 + 1e-12));
    }
  });

  it('refuses a task without a bid in the training days', () => {
    const tasks = [...TASKS, { id: 'videos', reward: 'items' as const, unitPrice: 1 }];
    expect(() => fitNormaliser({ days, tasks, efficiencies, minRemaining: 0.1 })).toThrow(
      expect.objectContaining({ code: 'TRAIN_EMPTY_TASK' }),
    );
  });
});

describe('toTrajectory', () => {
  it('labels from its own day and marks no action where none was made', () => {
    const normaliser = fit(days);
    const campaign = days[2]!.campaigns[0]!;
    const options = { normaliser, minRemaining: 0.1 };
    const made = toTrajectory(campaign, 0.55, options)!;
    expect(made.label).toBeCloseTo((0.55 - 0.2) / 0.7, 12);
    expect(made.states.length).toBe(97 * STATE_FEATURES);
    made.mask.forEach((m, t) => {
      if (m === 0) expect(made.actions[t]).toBe(0);
    });
    expect(toTrajectory({ ...campaign, task: 'other' }, 1, options)).toBeNull();
    expect(toTrajectory(campaign, 1, { normaliser, minRemaining: 1e9 })).toBeNull();
  });
});

describe('return labels', () => {
  it('are the return over the best constant, or over the budget, on a clipped scale', () => {
    expect(returnEfficiency(3, 4, 5e6)).toBe(0.75);
    expect(returnEfficiency(3, null, 5e6)).toBe(0.6);
    expect(returnEfficiency(0, 0, 5e6)).toBe(0);
    const scale = fitLabelScale([0.5, 0.1, 0.9]);
    expect(scale).toEqual({ low: 0.1, high: 0.9 });
    expect(returnLabel(0.5, scale)).toBeCloseTo(0.5, 12);
    expect([returnLabel(0, scale), returnLabel(2, scale)]).toEqual([0, 1]);
    expect(returnLabel(0.4, { low: 0.4, high: 0.4 })).toBe(1);
    const many = Array.from({ length: 101 }, (_, i) => i / 100);
    expect(fitLabelScale(many).low).toBeCloseTo(0.01, 12);
    expect(fitLabelScale(many).high).toBeCloseTo(0.99, 12);
  });
});

describe('market series and traffic', () => {
  it('has four common channels and the mean value of every task', () => {
    const series = marketSeries(days[0]!, TASKS);
    const width = marketChannels(TASKS);
    expect(series.length).toBe(96 * width);
    const t = 30;
    const total = (name: 'outcomes' | 'lwc' | 'wins' | 'pv', task?: string) =>
      days[0]!.campaigns
        .filter((c) => task === undefined || c.task === task)
        .reduce((sum, c) => sum + c.columns[name][t]!, 0);
    const row = series.subarray(t * width, (t + 1) * width);
    expect(row[0]).toBeCloseTo(Math.log1p(total('outcomes')), 5);
    expect(row[1]).toBeCloseTo(Math.log1p(total('lwc') / 1e6 / total('outcomes')), 5);
    expect(row[2]).toBeCloseTo(total('wins') / total('outcomes'), 5);
    expect(row[4]).toBeCloseTo(
      ((total('pv', 'sales') / total('outcomes', 'sales')) * 0.4) / 1e9,
      5,
    );
    expect(row[5]).toBeCloseTo(
      ((total('pv', 'baskets') / total('outcomes', 'baskets')) * 6) / 1e9,
      5,
    );
  });

  it('rises from 0 to 1, and is uniform without traffic', () => {
    const share = trafficShare(days);
    expect(share.length).toBe(97);
    expect(share[0]).toBe(0);
    expect(share[96]).toBeCloseTo(1, 12);
    share.forEach((h, t) => expect(h).toBeGreaterThanOrEqual(share[t - 1] ?? 0));
    expect(trafficShare([])[48]).toBe(0.5);
  });
});

describe('planWindow', () => {
  const sealed = Array.from({ length: 12 }, (_, i) => addDays(DAY, i));
  const window = { history: 2, train: 8, validation: 1, test: 1 };

  it('ends with the newest sealed day, or the one asked for', () => {
    const plan = planWindow({ sealed, window });
    expect(plan.history).toEqual(sealed.slice(0, 2));
    expect(plan.train).toEqual(sealed.slice(2, 10));
    expect([...plan.validation, ...plan.test]).toEqual(sealed.slice(10));
    const earlier = planWindow({ sealed, window: { ...window, train: 7 }, testDay: sealed[10]! });
    expect(earlier.test).toEqual([sealed[10]]);
    expect(earlier.train).toEqual(sealed.slice(2, 9));
  });

  it('names the days that are missing', () => {
    const gap = sealed.filter((_, i) => i !== 4 && i !== 7);
    expect(() => planWindow({ sealed: gap, window })).toThrow(/2026-03-06, 2026-03-09/);
    expect(() => planWindow({ sealed: [], window })).toThrow(
      expect.objectContaining({ code: 'WINDOW_INCOMPLETE' }),
    );
    expect(() => planWindow({ sealed, window, testDay: dayKey('2026-03-14') })).toThrow(
      /2026-03-14/,
    );
  });
});
