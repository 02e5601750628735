import type { Random } from '../../core/index.ts';
import type { Need, Weighting, WeightingInput } from './method.ts';
import { invalid, requireNumbers } from './options.ts';
import { presentTasks } from './simplex.ts';
import { diagonal, entry, principal } from './solvers/matrix.ts';

/** What a solver sees: the tasks with samples in this batch, n of them, in their order. */
export interface GramProblem {
  readonly size: number;
  /** n x n, row-major, float64. */
  readonly gram: Float64Array;
  /** n losses (above their floor), gains, the validation gradient's squared norm; where needed. */
  readonly losses: Float64Array;
  readonly gains: Float64Array;
  readonly validationNormSquared: number;
  readonly random: Random;
}

export interface GramSolution {
  /** n multipliers of the raw task gradients. */
  readonly weights: Float64Array;
  /** n numbers each, logged with 0 for absent tasks. */
  readonly perTask?: Readonly<Record<string, Float64Array>>;
  /** Other figures for the log. */
  readonly figures?: Readonly<Record<string, number | readonly number[]>>;
}

interface GramMethod {
  readonly needs: readonly Need[];
  readonly headPolicy: Weighting['headPolicy'];
  readonly scope: Weighting['scope'];
  /** As in `Weighting`. */
  readonly positiveLosses?: boolean;
  solve(problem: GramProblem): GramSolution;
}

/** The tasks present, with their inputs checked. */
export function gramProblem(
  tasks: number,
  needs: readonly Need[],
  input: WeightingInput,
): { readonly problem: GramProblem; readonly indices: readonly number[] } {
  const present = presentTasks(tasks, input.present);
  const indices = Array.from({ length: tasks }, (_, k) => k).filter((k) => present[k]);
  const gram = requireNumbers('gram', input.gram, tasks * tasks);
  const negative = diagonal(gram, tasks).findIndex((x) => x < 0);
  if (negative >= 0)
    throw invalid(`gram: squared norm of task ${negative} is below 0; must be an inner product`);
  const perTask = (need: Need, name: string, values: Float64Array | undefined): Float64Array =>
    needs.includes(need)
      ? Float64Array.from(indices, (k) => entry(requireNumbers(name, values, tasks), k))
      : new Float64Array(0);
  const square = input.validationNormSquared ?? 0;
  if (!(square >= 0 && square < Infinity))
    throw invalid(`validationNormSquared: ${square}; must be finite and >= 0`);
  return {
    indices,
    problem: {
      size: indices.length,
      gram: principal(gram, tasks, indices),
      losses: perTask(
        'losses',
        'losses',
        input.losses?.map((loss, k) => loss - (input.lossFloor?.[k] ?? 0)),
      ),
      gains: perTask('validation', 'gains', input.gains),
      validationNormSquared: square,
      random: input.random,
    },
  };
}

/** n numbers of the present tasks as K, absent ones 0. */
export function scatter(
  tasks: number,
  indices: readonly number[],
  values: Float64Array,
): Float64Array {
  const all = new Float64Array(tasks);
  for (const [at, k] of indices.entries()) all[k] = entry(values, at);
  return all;
}

/**
 * A stateless method that is a function of the Gram matrix of the present tasks. Absent tasks get
 * weight 0 and the others are solved as if they were all there is.
 */
export function gramWeighting(tasks: number, method: GramMethod): Weighting {
  return {
    needs: new Set(method.needs),
    ...(method.positiveLosses === true && { positiveLosses: true }),
    scope: method.scope,
    metric: 'euclid',
    headPolicy: method.headPolicy,
    headScale: 'one',
    step(input) {
      const { problem, indices } = gramProblem(tasks, method.needs, input);
      if (indices.length === 0) return { weights: new Float64Array(tasks), diagnostics: {} };
      const { weights, perTask = {}, figures = {} } = method.solve(problem);
      const diagnostics: Record<string, number | readonly number[]> = { ...figures };
      for (const [name, values] of Object.entries(perTask))
        diagnostics[name] = [...scatter(tasks, indices, values)];
      return { weights: scatter(tasks, indices, weights), diagnostics };
    },
    save: () => ({}),
    load: () => undefined,
  };
}
