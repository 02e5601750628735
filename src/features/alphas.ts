import { STEPS } from '../core/index.ts';
import { type CampaignSteps, MICRO } from '../contracts/index.ts';

/** Micro-units of money over nano-units of reward: the scale of bid / pv. */
const ALPHA_SCALE = 1000;

/**
 * The bid an alpha makes, micro-units. The one rounding rule of bidders, replay and simulator.
 * @param pv predicted value, nano-units of reward
 */
export function bidMicro(alpha: number, pv: number): number {
  return Math.round((alpha * pv) / ALPHA_SCALE);
}

/** alpha = sum of bids / sum of predicted values of a step, currency per unit of reward; NaN where there is none. */
export function alphaOfStep(columns: CampaignSteps['columns'], step: number): number {
  const pv = columns.pv[step] ?? 0;
  const bid = columns.bid[step] ?? 0;
  return pv > 0 && bid > 0 ? (bid / pv) * ALPHA_SCALE : Number.NaN;
}

/** ln alpha of the 96 steps; `known` is 0 (and the value 0) where no bid was made. */
export function logAlphas(steps: CampaignSteps): {
  readonly values: Float64Array;
  readonly known: Uint8Array;
} {
  const values = new Float64Array(STEPS);
  const known = new Uint8Array(STEPS);
  for (let t = 0; t < STEPS; t++) {
    const alpha = alphaOfStep(steps.columns, t);
    if (!(alpha > 0)) continue;
    values[t] = Math.log(alpha);
    known[t] = 1;
  }
  return { values, known };
}

/** 1 for the steps [96] in which the campaign could act: active, at least `minRemaining` (currency) left at the start. */
export function openSteps(steps: CampaignSteps, minRemaining: number): Uint8Array {
  const { active, remaining } = steps.columns;
  const least = Math.round(minRemaining * MICRO);
  return Uint8Array.from({ length: STEPS }, (_, t) =>
    active[t] === 1 && (remaining[t] ?? 0) >= least ? 1 : 0,
  );
}

/** 1 for the steps [96] in which the campaign could act and did: bids on outcomes with a value. */
export function stepMask(steps: CampaignSteps, minRemaining: number): Uint8Array {
  const { known } = logAlphas(steps);
  return openSteps(steps, minRemaining).map((open, t) => open & (known[t] ?? 0));
}
