import {
  type CampaignSteps,
  MICRO,
  NANO,
  type Normaliser,
  STATE_FEATURES,
  STEP_ROWS,
} from '../contracts/index.ts';
import { alphaOfStep } from './alphas.ts';

/** One campaign's sums per step in natural units: what the 16 features of the auction are made of. */
export interface StepHistory {
  readonly outcomes: ArrayLike<number>;
  readonly bid: ArrayLike<number>;
  /** Least winning costs. */
  readonly lwc: ArrayLike<number>;
  readonly value: ArrayLike<number>;
  readonly reward: ArrayLike<number>;
  readonly wins: ArrayLike<number>;
  /** In force at the start of the step. */
  readonly budget: ArrayLike<number>;
  readonly remaining: ArrayLike<number>;
}

export interface HistoryOptions {
  /** Steps of a day, T. */
  readonly horizon: number;
  /** Rows to make, at most T + 1. */
  readonly rows: number;
  /** Features 12-13 of the current step, as in AuctionNet's simulator; otherwise of the newest closed one. */
  readonly revealCurrent?: boolean;
}

/** Features of `historyStates`, AuctionNet's order. */
export const HISTORY_FEATURES = 16;
const WINDOW = 3;

/**
 * The 16 state features of AuctionNet, [rows, 16] in float64. Row t sees the sums of steps < t, and
 * budget and remaining of step t. `all` and `last 3` are means of step means, not weighted by
 * volume; steps without an outcome have no mean and are skipped; an empty history gives 0.
 * Columns: 0 time left, 1 budget left, 2-3 bid (all, last 3), 4-7 least winning cost, value,
 * reward, win rate (all), 8-11 the same (last 3), 12 mean value and 13 outcomes of one step,
 * 14-15 outcomes (last 3, all).
 */
export function historyStates(history: StepHistory, options: HistoryOptions): Float64Array {
  const { horizon, rows, revealCurrent = false } = options;
  const { outcomes, bid, lwc, value, reward, wins, budget, remaining } = history;
  const states = new Float64Array(rows * HISTORY_FEATURES);
  const columns = [
    { sums: bid, all: 2, last: 3 },
    { sums: lwc, all: 4, last: 8 },
    { sums: value, all: 5, last: 9 },
    { sums: reward, all: 6, last: 10 },
    { sums: wins, all: 7, last: 11 },
  ];
  for (const { sums, all, last } of columns) meansBefore(states, rows, outcomes, sums, all, last);
  let seen = 0;
  for (let t = 0; t < rows; t++) {
    const at = t * HISTORY_FEATURES;
    const one = revealCurrent ? t : t - 1;
    const n = outcomes[one] ?? 0;
    states[at] = (horizon - t) / horizon;
    states[at + 1] = ratio(remaining[t] ?? 0, budget[t] ?? 0);
    states[at + 12] = ratio(value[one] ?? 0, n);
    states[at + 13] = n;
    for (let s = Math.max(0, t - WINDOW); s < t; s++)
      states[at + 14] = (states[at + 14] ?? 0) + (outcomes[s] ?? 0);
    states[at + 15] = seen;
    seen += outcomes[t] ?? 0;
  }
  return states;
}

const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0);

/** Fills one column's mean over all earlier steps and over the last three. */
function meansBefore(
  states: Float64Array,
  rows: number,
  outcomes: ArrayLike<number>,
  sums: ArrayLike<number>,
  all: number,
  last: number,
): void {
  let total = 0;
  let count = 0;
  for (let t = 0; t < rows; t++) {
    let recent = 0;
    let recentCount = 0;
    for (let s = Math.max(0, t - WINDOW); s < t; s++) {
      const n = outcomes[s] ?? 0;
      if (n === 0) continue;
      recent += (sums[s] ?? 0) / n;
      recentCount++;
    }
    states[t * HISTORY_FEATURES + all] = ratio(total, count);
    states[t * HISTORY_FEATURES + last] = ratio(recent, recentCount);
    const n = outcomes[t] ?? 0;
    if (n === 0) continue;
    total += (sums[t] ?? 0) / n;
    count++;
  }
}

export interface StateOptions {
  /** H_t, length 97: the cumulative mean traffic share of the training days. */
  readonly trafficShare: ArrayLike<number>;
  /** Currency units one unit of the task's reward is worth. */
  readonly unitPrice: number;
}

/**
 * Raw states of a campaign's day, [97, 21], causal: row t sees the closed steps < t and budget,
 * remaining at t. Money in currency units; values and rewards in money. 16-17 are the pacing
 * ratios ln((spent + .01)/(H + .01)) and ln((left + .01)/(1 - H + .01)); 18 is ln alpha of the
 * newest step that had one, 0 before; 19-20 are the consumption speeds of the newest step and of the
 * last three, see `speed`. Rows after `uptoStep` stay zero.
 */
export function stateMatrix(
  steps: CampaignSteps,
  options: StateOptions,
  uptoStep = STEP_ROWS - 1,
): Float32Array {
  const { columns } = steps;
  const { trafficShare, unitPrice } = options;
  const rows = Math.min(uptoStep + 1, STEP_ROWS);
  const scaled = (column: Float64Array, unit: number): Float64Array =>
    column.subarray(0, rows).map((x) => x * unit);
  const auction = historyStates(
    {
      outcomes: columns.outcomes,
      bid: scaled(columns.bid, 1 / MICRO),
      lwc: scaled(columns.lwc, 1 / MICRO),
      value: scaled(columns.pv, unitPrice / NANO),
      // The reward of paper section 2 as predicted at the bid: dense, and known to replay and bidder alike.
      reward: scaled(columns.pv_won, unitPrice / NANO),
      wins: columns.wins,
      budget: columns.budget,
      remaining: columns.remaining,
    },
    { horizon: STEP_ROWS - 1, rows },
  );
  const states = new Float32Array(STEP_ROWS * STATE_FEATURES);
  let logAlpha = 0;
  for (let t = 0; t < rows; t++) {
    const at = t * STATE_FEATURES;
    for (let j = 0; j < HISTORY_FEATURES; j++)
      states[at + j] = auction[t * HISTORY_FEATURES + j] ?? 0;
    const share = trafficShare[t] ?? 1;
    const left = Math.min(1, Math.max(0, auction[t * HISTORY_FEATURES + 1] ?? 0));
    const alpha = t > 0 ? alphaOfStep(columns, t - 1) : Number.NaN;
    if (alpha > 0) logAlpha = Math.log(alpha);
    states[at + 16] = Math.log((1 - left + 0.01) / (share + 0.01));
    states[at + 17] = Math.log((left + 0.01) / (1 - share + 0.01));
    states[at + 18] = logAlpha;
    states[at + 19] = speed(columns, t, 1);
    states[at + 20] = speed(columns, t, WINDOW);
  }
  return states;
}

/**
 * ln of what the budget left would have to be against what it is, if the mean cost of the last
 * `window` steps went on to the end of the day: above 0 the campaign spends too fast. Shares of the
 * budget with .01 on both sides, as in the pacing ratios; 0 before the first step. A planner could
 * read it from differences of budget left, but these are small against the feature's own spread.
 */
function speed(columns: CampaignSteps['columns'], t: number, window: number): number {
  const from = Math.max(0, t - window);
  const budget = columns.budget[t] ?? 0;
  if (t === 0 || !(budget > 0)) return 0;
  let cost = 0;
  for (let s = from; s < t; s++) cost += columns.cost[s] ?? 0;
  const projected = ((STEP_ROWS - 1 - t) * cost) / (t - from) / budget;
  const left = Math.max(0, columns.remaining[t] ?? 0) / budget;
  return Math.log((projected + 0.01) / (left + 0.01));
}

/** Features whose logarithm ln(1 + x) is normalised: bids, least winning costs and counts. */
const LOGGED = [2, 3, 4, 8, 13, 14, 15];
/** Normalised features are clipped here, so that one odd day cannot drive the network. */
const STATE_CLIP = 5;

/** ln(1 + x) of the features that take it; in place over [rows, 21]. */
export function logFeatures(raw: Float32Array): Float32Array {
  for (let at = 0; at < raw.length; at += STATE_FEATURES)
    for (const j of LOGGED) raw[at + j] = Math.log1p(raw[at + j] ?? 0);
  return raw;
}

/** The graph's input from raw states [rows, 21]: (x - mean)/(sd + 1e-6) after the logarithm, clipped to [-5, 5]. */
export function normaliseStates(
  raw: Float32Array,
  { stateMean, stateSd }: Pick<Normaliser, 'stateMean' | 'stateSd'>,
): Float32Array {
  const states = logFeatures(raw.slice());
  for (let at = 0; at < states.length; at += STATE_FEATURES)
    for (let j = 0; j < STATE_FEATURES; j++) {
      const z = ((states[at + j] ?? 0) - (stateMean[j] ?? 0)) / ((stateSd[j] ?? 1) + 1e-6);
      states[at + j] = Math.min(STATE_CLIP, Math.max(-STATE_CLIP, z));
    }
  return states;
}
