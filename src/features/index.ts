export {
  createStepAccumulator,
  type StepAccumulator,
  type StepAccumulatorOptions,
} from './accumulator.ts';
export { alphaOfStep, bidMicro, logAlphas, stepMask } from './alphas.ts';
export {
  HISTORY_FEATURES,
  historyStates,
  normaliseStates,
  STATE_CLIP,
  stateMatrix,
  type HistoryOptions,
  type StateOptions,
  type StepHistory,
} from './states.ts';
export { marketChannels, marketSeries, trafficShare } from './market-series.ts';
export {
  campaignReturn,
  fitLabelScale,
  returnEfficiency,
  returnLabel,
  type LabelScale,
  type RewardKind,
} from './labels.ts';
export { fitNormaliser, type NormaliserInputs } from './normaliser.ts';
export { planWindow, type WindowPlan, type WindowSizes } from './window.ts';
export { bangBangNext, pidNext, type AlphaLimits, type PidState } from './pacing.ts';
export { createPlanner, type Planner, type PlanRequest } from './planner.ts';
export { toTrajectory, type Trajectory } from './trajectory.ts';
