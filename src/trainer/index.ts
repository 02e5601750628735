export {
  createWeighting,
  headWeights,
  loadMethodFile,
  methodFileDigest,
  weightingMethods,
  type GradientRows,
  type Lookahead,
  type Need,
  type StepOutcome,
  type Weighting,
  type WeightingInput,
  type WeightingMethod,
  type WeightingOutput,
  type WeightingState,
} from './weighting/index.ts';
export { batchCounts } from './step/counts.ts';
export type { StepDesign } from './step/tensors.ts';
export type { OptimiserSettings } from './step/optimiser.ts';
export { createLearner } from './step/learner.ts';
export type { Dataset } from './loop/dataset.ts';
export type { TrainingSettings } from './loop/trainee.ts';
export { checkWeighting } from './loop/weightings.ts';
export { train, type TrainOptions } from './loop/train.ts';
export { RUN_FILES, type TrainJob, trainOutcome, type TrainOutcome } from './night/job.ts';
export { type TrainingDay, trainingDay } from './night/training-day.ts';
export { launchTraining } from './night/launch-process.ts';
export { learn } from './night/learn.ts';
export { evaluateRun } from './night/evaluate-run.ts';
