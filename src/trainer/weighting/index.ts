export { weightingMethods, createWeighting, headWeights } from './registry.ts';
export type {
  Need,
  Weighting,
  WeightingInput,
  WeightingMethod,
  WeightingOutput,
  WeightingState,
} from './method.ts';
