/** Limits of alpha, currency per unit of reward. */
export interface AlphaLimits {
  readonly low: number;
  readonly high: number;
}

const clip = (x: number, { low, high }: AlphaLimits): number => Math.min(high, Math.max(low, x));

/** A PID pacer's memory between steps. */
export interface PidState {
  readonly alpha: number;
  /** The last step's error, 0 at the start. */
  readonly error: number;
}

/**
 * One step of the pacing PID (proportional and differential on the log of the spend ratio):
 * e = ln((spent + .01 B)/(B H + .01 B)), alpha *= exp(-.15 e - .3 (e - e_previous)).
 * @param spend `spent` and `budget` in one unit of money; `trafficShare` H at the start of the step
 */
export function pidNext(
  state: PidState,
  spend: { readonly spent: number; readonly budget: number; readonly trafficShare: number },
  limits: AlphaLimits,
): PidState {
  const { spent, budget, trafficShare } = spend;
  if (!(budget > 0)) return state;
  const error = Math.log((spent / budget + 0.01) / (trafficShare + 0.01));
  const alpha = state.alpha * Math.exp(-0.15 * error - 0.3 * (error - state.error));
  return { alpha: clip(alpha, limits), error };
}

/**
 * One step of bang-bang pacing, AuctionNet's "PID": if the last step's cost, kept up for the steps
 * left, would spend less than 0.7 of what remains, alpha x 1.2; more than 1.1 of it, alpha x 0.7.
 * @param spend `stepsLeft` counts the step alpha is for; costs in one unit of money
 */
export function bangBangNext(
  alpha: number,
  spend: { readonly stepsLeft: number; readonly lastCost: number; readonly remaining: number },
  limits: AlphaLimits = { low: 0, high: Number.POSITIVE_INFINITY },
): number {
  const projected = (spend.stepsLeft * spend.lastCost) / spend.remaining;
  if (projected < 0.7) return clip(alpha * 1.2, limits);
  if (projected > 1.1) return clip(alpha * 0.7, limits);
  return clip(alpha, limits);
}
