import { z } from 'zod';
import { type GramProblem, type GramSolution, gramWeighting } from './gram-method.ts';
import type { WeightingMethod } from './method.ts';
import { parseOptions } from './options.ts';
import { symmetricEigen } from './solvers/eigen.ts';
import { entry } from './solvers/matrix.ts';

const schema = z.strictObject({
  /** Common singular value of the aligned gradients: least kept, lower median, or root mean square. */
  scaleMode: z.enum(['min', 'median', 'rmse']).default('min'),
});
type ScaleMode = z.output<typeof schema>['scaleMode'];

/** sigma^2 from the kept eigenvalues, descending. */
function commonSquare(mode: ScaleMode, kept: Float64Array): number {
  if (mode === 'min') return entry(kept, kept.length - 1);
  if (mode === 'median') return entry(kept, Math.floor(kept.length / 2));
  return kept.reduce((a, b) => a + b, 0) / kept.length;
}

function solve(mode: ScaleMode, { gram, size }: GramProblem): GramSolution {
  const { values, vectors } = symmetricEigen(gram, size);
  const least = entry(values, 0) * size * Number.EPSILON;
  const kept = values.filter((value) => value > least);
  const rank = kept.length;
  const sigmaSquared = rank === 0 ? 0 : commonSquare(mode, kept);
  const weights = new Float64Array(size);
  for (const [k, value] of kept.entries()) {
    const column = (i: number): number => entry(vectors, i * size + k);
    const total = weights.reduce((sum, _, i) => sum + column(i), 0);
    for (let i = 0; i < size; i++)
      weights[i] = entry(weights, i) + Math.sqrt(sigmaSquared / value) * total * column(i);
  }
  return {
    weights,
    figures: { rank, eigenvalues: [...values], degenerate: Number(rank < size) },
  };
}

/**
 * Aligned-MTL: the gradients are replaced by the nearest set of orthogonal ones of equal length,
 * B = sigma V L^(-1/2) V' from A = V L V', and summed (preference 1 for every task). Eigenvalues
 * below K epsilon times the largest are dropped, as the reference does: one near-duplicate pair makes
 * sigma tiny in mode `min`, and dropping it makes sigma jump.
 */
export const aligned: WeightingMethod = {
  name: 'aligned',
  summary: 'gradients made orthogonal and equally long, then summed',
  source: 'Senushkin et al. 2023, Independent component alignment, CVPR',
  cost: 'F + G',
  create(tasks, options) {
    const { scaleMode } = parseOptions('aligned', schema, options);
    return gramWeighting(tasks, {
      needs: ['gram'],
      scope: 'shared',
      headPolicy: 'unweighted',
      solve: (problem) => solve(scaleMode, problem),
    });
  },
};
