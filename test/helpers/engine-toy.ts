import type { ModelSettings } from '../../src/model/index.ts';
import type { OptimiserSettings } from '../../src/trainer/step/optimiser.ts';

/** The default model in little: every part of it, nothing of its size. */
export const modelSettings: ModelSettings = {
  hidden: 8,
  layers: 1,
  heads: 2,
  feedForward: 16,
  labelEmbedding: 4,
  headHidden: 8,
  inverseHidden: 8,
  temporal: 'none',
  likelihood: 'gaussian',
  policyHead: 'inverse',
};

export const optimiserSettings: OptimiserSettings = {
  kind: 'adam',
  learningRate: 3e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  warmupSteps: 1,
  clipNorm: 1,
};
