export {
  weightingMethods,
  createWeighting,
  headWeights,
  type Weighting,
  type WeightingMethod,
} from './weighting/index.ts';
export { renderReport } from './report/index.ts';
export { encodeTensors, decodeTensors, type StoredTensor, type TensorFile } from './safetensors.ts';
export {
  SPLITS,
  type Split,
  type StepRecord,
  type GradientFigures,
  type LossRecord,
  type RunRecord,
} from './run-record.ts';
export { batchCounts } from './step/counts.ts';
export {
  traceFusedStep,
  traceGradients,
  traceUpdate,
  traceLosses,
  type StepDesign,
} from './step/graphs.ts';
export type { OptimiserSettings } from './step/optimiser.ts';
export { createLearner, type Learner, type LearnerOptions } from './step/learner.ts';
export type { Dataset, SplitData } from './loop/dataset.ts';
export type { TrainingSettings } from './loop/trainee.ts';
export { train, type TrainOptions, type TrainResult } from './loop/train.ts';
export { decodeWeights } from './candidate/weights.ts';
export { exportCandidate, type Candidate, type ExportOptions } from './candidate/export.ts';
export { parseTrainJob, RUN_FILES, type TrainJob, trainOutcome, type TrainOutcome } from './night/job.ts';
export { runNight, type NightOptions } from './night/run-night.ts';
export { launchTraining } from './night/launch-process.ts';
