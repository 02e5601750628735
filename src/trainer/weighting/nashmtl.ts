import { z } from 'zod';
import { gramProblem, scatter } from './gram-method.ts';
import type { Weighting, WeightingInput, WeightingMethod } from './method.ts';
import { invalid, parseOptions, requireNumbers } from './options.ts';
import { entry, squaredNorm } from './solvers/matrix.ts';
import { solvePowerEquation } from './solvers/power-equation.ts';

const schema = z.strictObject({
  /** The bargaining point is solved anew every so many steps and kept between. */
  updateWeightsEvery: z.int().min(1).default(1),
});

const stateSchema = z.strictObject({
  /** Steps since the weights were solved; absent tasks of that step have weight 0. */
  age: z.int().min(0),
  weights: z.array(z.number()),
});
type State = z.output<typeof stateSchema>;

function createNash(tasks: number, every: number): Weighting {
  let kept: State | undefined;

  const reusable = ({ present }: WeightingInput): State | undefined => {
    if (kept === undefined || kept.age >= every) return undefined;
    // A task that was absent when the weights were solved has none yet.
    const missing = kept.weights.some((w, k) => w === 0 && present?.[k] !== false);
    return missing ? undefined : kept;
  };

  const solve = (input: WeightingInput): Readonly<Record<string, number>> => {
    const { problem, indices } = gramProblem(tasks, ['gram'], input);
    const { gram, size } = problem;
    const { weights, residual, iterations, degenerate } = solvePowerEquation(gram, size, 1);
    kept = { age: 0, weights: [...scatter(tasks, indices, weights)] };
    return { residual, iterations, degenerate: Number(degenerate) };
  };

  return {
    needs: new Set(['gram']),
    scope: 'all',
    metric: 'euclid',
    headPolicy: 'weighted',
    headScale: 'one',
    step(input) {
      const gram = requireNumbers('gram', input.gram, tasks * tasks);
      const figures = reusable(input) ? {} : solve(input);
      const { age, weights: known } = kept ?? { age: 0, weights: [] };
      kept = { age: age + 1, weights: known };
      const weights = Float64Array.from({ length: tasks }, (_, k) =>
        input.present?.[k] === false ? 0 : entry(known, k),
      );
      const directionNormSquared = squaredNorm(gram, weights);
      return { weights, diagnostics: { directionNormSquared, ...figures } };
    },
    save: () => (kept ? { ...kept } : {}),
    load(saved) {
      if (Object.keys(saved).length === 0) {
        kept = undefined;
        return;
      }
      const parsed = stateSchema.safeParse(saved);
      if (parsed.data?.weights.length !== tasks)
        throw invalid(`nashmtl state: ${JSON.stringify(saved)}; not a state for ${tasks} tasks`);
      kept = parsed.data;
    },
  };
}

/**
 * Nash-MTL: the bargaining point A w = 1/w, where the product of the tasks' improvements is
 * greatest; ||sum w_k g_k||^2 = K. Solved exactly, so there is no warm start to carry and no failed
 * solve to fall back from. The reference clips the shared gradient to norm 1 afterwards, which is
 * the trainer's business here.
 */
export const nashmtl: WeightingMethod = {
  name: 'nashmtl',
  summary: 'Nash bargaining point of the tasks, exact',
  source: 'Navon et al. 2022, Multi-task learning as a bargaining game, ICML',
  cost: 'F + G',
  create(tasks, options) {
    const { updateWeightsEvery } = parseOptions('nashmtl', schema, options);
    return createNash(tasks, updateWeightsEvery);
  },
};
