export { weightingMethods, createWeighting, headWeights } from './registry.ts';
export type { Need, Weighting, WeightingInput, WeightingOutput, WeightingState } from './method.ts';
