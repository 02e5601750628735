import { STEPS } from '../core/index.ts';
import type { CampaignSteps, Normaliser } from '../contracts/index.ts';
import { logAlphas, openSteps, stepMask } from './alphas.ts';
import { returnLabel } from './labels.ts';
import { normaliseStates, stateMatrix } from './states.ts';

/** One campaign-day as the trainer takes it. */
export interface Trajectory {
  readonly campaignId: string;
  /** Index among the normaliser's tasks. */
  readonly task: number;
  /** [97, 21] normalised; the last row is the closing state. */
  readonly states: Float32Array;
  /** [96] (ln alpha - mean_k)/sd_k; 0 where masked. */
  readonly actions: Float32Array;
  /** [96] 1 where the campaign could act and did. */
  readonly mask: Float32Array;
  /** Return label in [0, 1]. */
  readonly label: number;
}

interface TrajectoryOptions {
  readonly normaliser: Normaliser;
  /** Currency; a campaign with less cannot bid. */
  readonly minRemaining: number;
}

/**
 * Assembles a trajectory, or null when the campaign's task is not one of the normaliser's or no
 * step of the day has an action: nothing to learn from.
 * @param efficiency e of this campaign-day (`returnEfficiency`)
 */
export function toTrajectory(
  steps: CampaignSteps,
  efficiency: number,
  options: TrajectoryOptions,
): Trajectory | null {
  const { normaliser, minRemaining } = options;
  const task = normaliser.tasks.findIndex((t) => t.id === steps.task);
  const scale = normaliser.tasks[task];
  const mask = Float32Array.from(stepMask(steps, minRemaining));
  if (scale === undefined || !mask.includes(1)) return null;
  const { values } = logAlphas(steps);
  const actions = new Float32Array(STEPS);
  for (let t = 0; t < STEPS; t++)
    if (mask[t] === 1) actions[t] = ((values[t] ?? 0) - scale.logAlphaMean) / scale.logAlphaSd;
  const raw = stateMatrix(steps, {
    trafficShare: normaliser.trafficShare,
    unitPrice: scale.unitPrice,
  });
  return {
    campaignId: steps.campaignId,
    task,
    states: normaliseStates(raw, normaliser),
    actions,
    mask,
    label: returnLabel(efficiency, { low: scale.labelLow, high: scale.labelHigh }),
  };
}

/**
 * The same states with the actions that would have been best from each of them, at the best return
 * label: what to do is then learned also where what was done was poor. The actions carry what only
 * hindsight knows, the states do not: they are of bids made without it, so nothing in them gives the
 * answer away. Null as for `toTrajectory`, whose result `logged` is.
 * @param targets ln alpha [96]
 */
export function withHindsight(
  logged: Trajectory,
  steps: CampaignSteps,
  targets: ArrayLike<number>,
  { normaliser, minRemaining }: TrajectoryOptions,
): Trajectory {
  const scale = normaliser.tasks[logged.task];
  const mask = Float32Array.from(openSteps(steps, minRemaining));
  const { logAlphaMean = 0, logAlphaSd = 1, alphaLow = 0, alphaHigh = 0 } = scale ?? {};
  const actions = mask.map((open, t) => {
    const target = Math.min(Math.log(alphaHigh), Math.max(Math.log(alphaLow), targets[t] ?? 0));
    return open === 1 ? (target - logAlphaMean) / logAlphaSd : 0;
  });
  return { ...logged, actions, mask, label: 1 };
}
