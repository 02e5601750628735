/** The package's face for code of one's own: the contract of a weighting method. */
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
} from './trainer/index.ts';
