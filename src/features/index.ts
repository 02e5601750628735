export { createStepAccumulator } from './accumulator.ts';
export { alphaOfStep, bidMicro, logAlphas, stepMask } from './alphas.ts';
export { HISTORY_FEATURES, historyStates, normaliseStates, stateMatrix } from './states.ts';
export {
  type CampaignsOfDay,
  marketChannels,
  marketSeries,
  marketSums,
  marketWindow,
  trafficShare,
  windowOfSums,
} from './market-series.ts';
export {
  campaignReturn,
  fitLabelScale,
  returnEfficiency,
  returnLabel,
  type RewardKind,
} from './labels.ts';
export { fitNormaliser } from './normaliser.ts';
export { planWindow, type WindowPlan } from './window.ts';
export { bangBangNext, pidNext, type AlphaLimits, type PidState } from './pacing.ts';
export { createPlanner, withTable, type Planner, type PlanRequest } from './planner.ts';
export { toTrajectory, type Trajectory, withHindsight } from './trajectory.ts';
