export { weightingMethods, createWeighting, headWeights } from './registry.ts';
export type { Weighting, WeightingInput, WeightingOutput, WeightingState } from './method.ts';
