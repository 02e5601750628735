import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CampaignSteps, STATE_FEATURES, STEP_COLUMNS } from '../../src/contracts/index.ts';
import {
  HISTORY_FEATURES,
  historyStates,
  logAlphas,
  normaliseStates,
  stateMatrix,
  stepMask,
  trafficShare,
} from '../../src/features/index.ts';
import { smallDay, stepsOf } from '../helpers/eval-auction.ts';

interface GoldenState {
  name: string;
  budget: number;
  firstTimeStep: number;
  steps: Record<'pValue' | 'bid' | 'xi' | 'conversionAction' | 'leastWinningCost', number[]>[];
  remainingBudgetBeforeStep: number[];
  trainState: number[][];
}
const golden = JSON.parse(
  readFileSync(new URL('../golden/golden-auction.json', import.meta.url), 'utf8'),
) as { state: GoldenState[] };

function goldenRows(c: GoldenState): Float64Array {
  const horizon = 48;
  const column = (values: number[]): number[] => [
    ...new Array<number>(c.firstTimeStep).fill(0),
    ...values,
  ];
  const sums = (name: keyof GoldenState['steps'][number]) =>
    column(c.steps.map((s) => s[name].reduce((a, b) => a + b, 0)));
  const rows = c.firstTimeStep + c.steps.length;
  return historyStates(
    {
      outcomes: column(c.steps.map((s) => s.bid.length)),
      bid: sums('bid'),
      lwc: sums('leastWinningCost'),
      value: sums('pValue'),
      reward: sums('conversionAction'),
      wins: sums('xi'),
      budget: column(c.steps.map(() => c.budget)),
      remaining: column(c.remainingBudgetBeforeStep),
    },
    { horizon, rows, revealCurrent: true },
  ).slice(c.firstTimeStep * HISTORY_FEATURES);
}

const days = Array.from({ length: 13 }, (_, seed) => stepsOf(smallDay(seed).events));
const steps = (seed: number): CampaignSteps => days[seed]!.campaigns[1]!;
const share = trafficShare(days);
const matrix = (s: CampaignSteps, upto?: number) =>
  stateMatrix(s, { trafficShare: share, unitPrice: 0.4 }, upto);
const row = (m: Float32Array, t: number) =>
  m.subarray(t * STATE_FEATURES, (t + 1) * STATE_FEATURES);

describe('historyStates', () => {
  it.each(golden.state)('equals the published simulator: $name', (c) => {
    const expected = c.trainState.flat();
    const made = goldenRows(c);
    expect(made.length).toBe(expected.length);
    made.forEach((x, i) => {
      expect(Math.abs(x - expected[i]!)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(x)));
    });
  });
});

describe('stateMatrix', () => {
  it('shows row t nothing of the sums of step t or later', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 0, max: 96 }),
        fc.constantFrom(...STEP_COLUMNS),
        (seed, t, name) => {
          const original = steps(seed);
          // Budget and remaining of step t are known when it opens; those of later steps are not.
          const from = ['budget', 'remaining', 'active'].includes(name) ? t + 1 : t;
          const altered = original.columns[name].map((x, s) => (s >= from ? x * 3 + 7 : x));
          const after = matrix({ ...original, columns: { ...original.columns, [name]: altered } });
          const seen = (t + 1) * STATE_FEATURES;
          expect(after.subarray(0, seen)).toEqual(matrix(original).subarray(0, seen));
        },
      ),
      { numRuns: 150 },
    );
  });

  it('sees every sum of the newest closed step that it is made of', () => {
    const original = steps(8);
    const t = 40;
    for (const name of ['outcomes', 'pv', 'bid', 'wins', 'lwc', 'pv_won'] as const) {
      const altered = original.columns[name].map((x, s) => (s === t - 1 ? x * 3 + 7 : x));
      const after = matrix({ ...original, columns: { ...original.columns, [name]: altered } });
      expect(row(after, t), name).not.toEqual(row(matrix(original), t));
    }
    for (const name of ['budget', 'remaining'] as const) {
      const altered = original.columns[name].map((x, s) => (s === t ? x * 3 + 7 : x));
      const after = matrix({ ...original, columns: { ...original.columns, [name]: altered } });
      expect(row(after, t), name).not.toEqual(row(matrix(original), t));
    }
  });

  it.each(['reward_attributed', 'reward_seen'] as const)('never shows %s', (name) => {
    const original = steps(8);
    const altered = original.columns[name].map((x) => x + 1e9);
    const after = matrix({ ...original, columns: { ...original.columns, [name]: altered } });
    expect(after).toEqual(matrix(original));
  });

  it('stops after the step asked for', () => {
    const s = steps(9);
    const upto = matrix(s, 10);
    expect(upto.subarray(0, 11 * STATE_FEATURES)).toEqual(
      matrix(s).subarray(0, 11 * STATE_FEATURES),
    );
    expect(upto.subarray(11 * STATE_FEATURES).every((x) => x === 0)).toBe(true);
  });

  it('carries the last known ln alpha and has the pacing ratios by hand', () => {
    const s = steps(10);
    const m = matrix(s);
    const { values, known } = logAlphas(s);
    let last = 0;
    for (let t = 0; t <= 96; t++) {
      expect(row(m, t)[18]).toBe(Math.fround(last));
      if (known[t] === 1) last = values[t]!;
    }
    expect(known.includes(0)).toBe(true);
    const left = s.columns.remaining[50]! / s.columns.budget[50]!;
    expect(row(m, 50)[16]).toBeCloseTo(Math.log((1 - left + 0.01) / (share[50]! + 0.01)), 5);
    expect(row(m, 50)[17]).toBeCloseTo(Math.log((left + 0.01) / (1 - share[50]! + 0.01)), 5);
  });

  it('is finite for a campaign without a budget, without outcomes, and overspent by a cut', () => {
    const s = steps(11);
    const zero = { ...s.columns, budget: new Float64Array(97), remaining: new Float64Array(97) };
    expect(matrix({ ...s, columns: zero }).every(Number.isFinite)).toBe(true);
    const empty = Object.fromEntries(STEP_COLUMNS.map((c) => [c, new Float64Array(97)]));
    const none = { ...s, columns: empty as CampaignSteps['columns'] };
    expect(matrix(none).every(Number.isFinite)).toBe(true);
    const cut = { ...s.columns, remaining: new Float64Array(97).fill(-1e6) };
    expect(matrix({ ...s, columns: cut }).every(Number.isFinite)).toBe(true);
  });
});

describe('stepMask', () => {
  it('marks the steps in which an active campaign with money left did bid', () => {
    const s = steps(12);
    const { active, remaining, bid } = s.columns;
    const mask = stepMask(s, 0.1);
    mask.forEach((m, t) => {
      expect(m === 1).toBe(active[t] === 1 && remaining[t]! >= 100_000 && bid[t]! > 0);
    });
    expect(mask.includes(1) && mask.includes(0)).toBe(true);
    expect(stepMask(s, 1e9).includes(1)).toBe(false);
  });
});

describe('normaliseStates', () => {
  it('takes logarithms of bids, costs and counts, scales, and clips', () => {
    const raw = new Float32Array(STATE_FEATURES).fill(3);
    raw[1] = 1e9;
    const stateMean = new Array<number>(STATE_FEATURES).fill(1);
    const stateSd = new Array<number>(STATE_FEATURES).fill(2);
    const made = normaliseStates(raw, { stateMean, stateSd });
    expect(made[0]).toBeCloseTo(1, 5);
    expect(made[1]).toBe(5);
    for (const j of [2, 3, 4, 8, 13, 14, 15]) expect(made[j]).toBeCloseTo((Math.log(4) - 1) / 2, 5);
    expect(raw[2]).toBe(3);
  });
});
