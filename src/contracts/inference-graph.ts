/**
 * The face of a published graph. Shapes are static; B = `io.batch`, T = 96, S = features, K = tasks.
 * Inputs: `states` [B, T, S] normalised, rows after the current step zero; `label` [B, 1] the asked
 * return; `task` [B, K] one-hot. Output: `logAlpha` [B, T], ln alpha in the task's training units
 * ((ln alpha - mean_k) / sd_k); row t is the action for step t and depends on states 0..t only.
 * A model with a temporal module (`io.temporal`) has one input more: `temporal` [M, T, hidden], what
 * the market of the days before says about the served day, for each of its M parameter sets.
 */
export const GRAPH_INPUTS = ['states', 'label', 'task'] as const;
export const GRAPH_OUTPUT = 'logAlpha';
export const TEMPORAL_INPUT = 'temporal';

/**
 * The face of the second graph, there with a temporal module only: from the standardised market of
 * the days before, `market` [1, H, channels], to the first graph's `temporal`.
 */
export const TEMPORAL_GRAPH = { input: 'market', output: TEMPORAL_INPUT } as const;

/**
 * State features: AuctionNet's 16 made causal, two pacing ratios, ln alpha before, and two
 * consumption speeds (paper section 2).
 */
export const STATE_FEATURES = 21;

/** A tensor in host memory, row-major. */
export interface GraphTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What a published graph is asked. */
type GraphInputs = Readonly<Record<(typeof GRAPH_INPUTS)[number], GraphTensor>> & {
  readonly [TEMPORAL_INPUT]?: GraphTensor;
};

/** Runs a published graph once; inference gives one, features' planner takes one. */
export type GraphRunner = (inputs: GraphInputs) => Promise<GraphTensor>;
