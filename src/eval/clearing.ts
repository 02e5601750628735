import { STEP_MS, STEPS } from '../core/index.ts';
import { type CampaignLog, type CampaignSteps, MICRO } from '../contracts/index.ts';
import { bidMicro } from '../features/index.ts';
import { hasCompetition, isShown, positionOf, priceOf } from './outcomes.ts';
import type { ReplayRules } from './replay.ts';

/** Alphas tried, in unit prices of the task. */
const GRID = { low: 0.02, high: 5, points: 33 };

/** What a campaign would spend in every step at each of a grid of constant alphas. */
export interface SpendCurves {
  /** Ascending, currency per unit of reward. */
  readonly alphas: Float64Array;
  /** Per alpha, micro-units a step: what it would cost if the budget were no limit. */
  readonly costs: readonly Float64Array[];
}

/** Plays one campaign's log at every alpha of the grid, each without a limit on its budget. */
export function spendCurves(
  log: CampaignLog,
  startMs: number,
  unitPrice: number,
  rules: Pick<ReplayRules, 'reserve'>,
): SpendCurves {
  const reserve = Math.round(rules.reserve * MICRO);
  const ratio = (GRID.high / GRID.low) ** (1 / (GRID.points - 1));
  const alphas = Float64Array.from(
    { length: GRID.points },
    (_, i) => unitPrice * GRID.low * ratio ** i,
  );
  const costs = Array.from(alphas, () => new Float64Array(STEPS));
  const { outcomes, campaignEvents } = log;
  let inForce = -1;
  for (let i = 0; i < outcomes.count; i++) {
    const time = outcomes.eventTime[i] ?? 0;
    while ((campaignEvents[inForce + 1]?.eventTime ?? Number.POSITIVE_INFINITY) <= time) inForce++;
    if (campaignEvents[inForce]?.active !== true) continue;
    const step = Math.min(STEPS - 1, Math.floor((time - startMs) / STEP_MS));
    costs.forEach((cost, a) => {
      const bid = bidMicro(alphas[a] ?? 0, outcomes.pv[i] ?? 0);
      if (bid < reserve) return;
      const slot = positionOf(outcomes, i, bid);
      if (slot === 0 || !isShown(outcomes, i, slot)) return;
      cost[step] = (cost[step] ?? 0) + priceOf(outcomes, i, slot, reserve);
    });
  }
  return { alphas, costs };
}

/**
 * ln alpha [96]: per step, the constant that from there on would spend exactly what is left by the end of the
 * day: the best constant from that state in hindsight, since of two constants within the budget the
 * higher wins more, and beyond it money ends before the day does. Between grid points by
 * interpolation of the spend in ln alpha; the highest alpha where even that leaves money over.
 * @param remaining micro-units at the start of each step
 */
export function clearingAlphas(curves: SpendCurves, remaining: ArrayLike<number>): Float64Array {
  const { alphas, costs } = curves;
  const ahead = new Float64Array(alphas.length);
  const found = new Float64Array(STEPS);
  for (let t = STEPS - 1; t >= 0; t--) {
    const left = remaining[t] ?? 0;
    for (let a = 0; a < ahead.length; a++) ahead[a] = (ahead[a] ?? 0) + (costs[a]?.[t] ?? 0);
    found[t] = crossing(alphas, ahead, left);
  }
  return found;
}

/** ln of the alpha at which an ascending spend reaches `left`. */
function crossing(alphas: Float64Array, spend: Float64Array, left: number): number {
  const above = spend.findIndex((cost) => cost > left);
  if (above < 0) return Math.log(alphas.at(-1) ?? 0);
  if (above === 0) return Math.log(alphas[0] ?? 0);
  const [low, high] = [spend[above - 1] ?? 0, spend[above] ?? 0];
  const [from, to] = [Math.log(alphas[above - 1] ?? 0), Math.log(alphas[above] ?? 0)];
  return from + ((to - from) * (left - low)) / (high - low);
}

/**
 * `clearingAlphas` of a campaign's own day, from the states it was in; null where its log lacks the
 * competing bids.
 */
export function hindsightAlphas(
  log: CampaignLog,
  steps: CampaignSteps,
  options: { readonly startMs: number; readonly unitPrice: number; readonly rules: ReplayRules },
): Float64Array | null {
  if (!hasCompetition(log.outcomes)) return null;
  const curves = spendCurves(log, options.startMs, options.unitPrice, options.rules);
  return clearingAlphas(curves, steps.columns.remaining);
}
