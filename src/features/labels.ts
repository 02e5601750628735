import { quantile, STEPS } from '../core/index.ts';
import { type CampaignSteps, MICRO, NANO } from '../contracts/index.ts';

/** What a step's reward is: predicted value of exposed wins, or attributed conversions and carts. */
export type RewardKind = 'predicted' | 'realised';

/** A campaign-day's return, in units of the task's reward. Sums of integers, exact. */
export function campaignReturn(steps: CampaignSteps, reward: RewardKind = 'predicted'): number {
  const [column, unit] =
    reward === 'predicted'
      ? ([steps.columns.pv_won, NANO] as const)
      : ([steps.columns.reward_attributed, MICRO] as const);
  let total = 0;
  for (let t = 0; t < STEPS; t++) total += column[t] ?? 0;
  return total / unit;
}

/**
 * e: the return as a share of R*, the return of the best constant alpha in hindsight, so that the
 * label says how well the campaign was played and not how good it was. Where R* is not known (the
 * log lacks competing bids; null), return per currency unit of budget. 0 where nothing could be won.
 * @param budget micro-units
 */
export function returnEfficiency(earned: number, hindsight: number | null, budget: number): number {
  const scale = hindsight ?? budget / MICRO;
  return scale > 0 ? earned / scale : 0;
}

/** A task's label scale: y = clip((e - low)/(high - low), 0, 1). */
export interface LabelScale {
  readonly low: number;
  readonly high: number;
}

const QUANTILES_FROM = 100;

/** The 1 % and 99 % quantiles of a task's training efficiencies; minimum and maximum below 100 of them. */
export function fitLabelScale(efficiencies: readonly number[]): LabelScale {
  const tail = efficiencies.length < QUANTILES_FROM ? 0 : 0.01;
  return { low: quantile(efficiencies, tail), high: quantile(efficiencies, 1 - tail) };
}

/** The return label y in [0, 1]; 1 on a scale without width (every training day alike). */
export function returnLabel(efficiency: number, scale: LabelScale): number {
  const width = scale.high - scale.low;
  if (!(width > 0)) return 1;
  return Math.min(1, Math.max(0, (efficiency - scale.low) / width));
}
