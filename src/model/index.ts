export type { ModelIo, ModelSettings, TimesNetSettings } from './settings.ts';
export {
  parameterPlan,
  initialParameters,
  namedParameters,
  type ParameterPlan,
  type ParameterVectors,
} from './plan.ts';
export { cutVector, joinVector, byName, type ParameterTensors } from './tensors.ts';
export { encode } from './encoder.ts';
export type { Scope } from './draft.ts';
export { rowsOfTable, temporalTable } from './temporal/index.ts';
export { headFeatures, nextState } from './head.ts';
export { inverseAction, inverseInput } from './inverse-dynamics.ts';
export { taskLoss, inverseLoss, presentStates, sliceRows, type Rows } from './losses.ts';
export {
  inferenceInputs,
  planActions,
  traceForward,
  traceInference,
  traceTables,
  traceTemporal,
} from './inference.ts';
