import { z } from 'zod';
import { type GramProblem, type GramSolution, gramWeighting } from './gram-method.ts';
import type { WeightingMethod } from './method.ts';
import { invalid, parseOptions } from './options.ts';
import { diagonal, entry, squaredNorm } from './solvers/matrix.ts';
import { solveQuadraticProgram } from './solvers/quadratic-program.ts';

const schema = z.strictObject({
  /** What each gradient is divided by before: nothing, its norm, its loss above the floor, or their product. */
  normalise: z.enum(['none', 'l2', 'loss', 'loss+']).default('none'),
  /** The simplex weights multiply the gradients so normalised, or the raw ones. */
  applyTo: z.enum(['normalised', 'raw']).default('normalised'),
});
type Options = z.output<typeof schema>;

/** n_k of each gradient; 1 for a zero gradient, which no divisor changes. */
function divisors(normalise: Options['normalise'], { gram, losses, size }: GramProblem) {
  return diagonal(gram, size).map((square, k) => {
    if (square === 0 || normalise === 'none') return 1;
    const norm = Math.sqrt(square);
    if (normalise === 'l2') return norm;
    const loss = entry(losses, k);
    if (!(loss > 0))
      throw invalid(
        `losses[${k}]: ${loss} above the floor; mgda.normalise "${normalise}" needs more than 0`,
        { mend: 'Set `lossFloor` below the least loss that can be reached, or to "auto".' },
      );
    return normalise === 'loss' ? loss : loss * norm;
  });
}

function solve({ normalise, applyTo }: Options, problem: GramProblem): GramSolution {
  const { gram, size } = problem;
  const divide = divisors(normalise, problem);
  const hessian = gram.map(
    (x, at) => x / entry(divide, Math.floor(at / size)) / entry(divide, at % size),
  );
  // A zero gradient is itself the least-norm point.
  const zeros = diagonal(gram, size).map((square) => Number(square === 0));
  const stalled = zeros.reduce((a, b) => a + b, 0);
  const simplexWeights =
    stalled > 0
      ? zeros.map((zero) => zero / stalled)
      : solveQuadraticProgram({ hessian, linear: new Float64Array(size), simplex: true }).weights;
  const weights =
    applyTo === 'raw' ? simplexWeights : simplexWeights.map((w, k) => w / entry(divide, k));
  return {
    weights,
    perTask: { simplexWeights },
    figures: {
      minNormSquared: squaredNorm(hessian, simplexWeights),
      degenerate: Number(stalled > 0),
    },
  };
}

/**
 * MGDA: the point of least norm in the convex hull of the gradients (Désidéri 2012), exact at any
 * scale. A zero gradient is that point: the step is then 0 and `degenerate` says so.
 */
export const mgda: WeightingMethod = {
  name: 'mgda',
  summary: 'least-norm convex combination of the gradients, exact',
  source: 'Sener and Koltun 2018, Multi-task learning as multi-objective optimization, NeurIPS',
  cost: 'F + G',
  create(tasks, options) {
    const parsed = parseOptions('mgda', schema, options);
    const byLoss = parsed.normalise === 'loss' || parsed.normalise === 'loss+';
    return gramWeighting(tasks, {
      needs: byLoss ? ['gram', 'losses'] : ['gram'],
      scope: 'shared',
      headPolicy: 'unweighted',
      positiveLosses: byLoss,
      solve: (problem) => solve(parsed, problem),
    });
  },
};
