export { createWeighting, headWeights, weightingMethods } from './registry.ts';
export { loadMethodFile, methodFileDigest } from './method-file.ts';
export type {
  GradientRows,
  Lookahead,
  Need,
  StepOutcome,
  Weighting,
  WeightingInput,
  WeightingMethod,
  WeightingOutput,
  WeightingState,
} from './method.ts';
