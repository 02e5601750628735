import { seededRandom } from '../../src/core/index.ts';
import { createWeighting } from '../../src/trainer/index.ts';
import type { WeightingOutput } from '../../src/trainer/weighting/index.ts';
import { projectConflicting } from '../../src/trainer/weighting/pcgrad.ts';
import type { MtlHyper, MtlInput, MtlMethod } from './mtl-inputs.ts';

type Outputs = Readonly<Record<string, unknown>>;

/** a . b with a running error term (Ogita, Rump, Oishi 2005, Dot2): as if in twice the precision. */
function exactDot(a: readonly number[], b: readonly number[]): number {
  const split = (x: number): [number, number] => {
    const big = 134217729 * x;
    const high = big - (big - x);
    return [high, x - high];
  };
  let sum = 0;
  let error = 0;
  for (const [p, x] of a.entries()) {
    const y = b[p]!;
    const product = x * y;
    const [x1, x2] = split(x);
    const [y1, y2] = split(y);
    const productError = x2 * y2 - (product - x1 * y1 - x2 * y1 - x1 * y2);
    const next = sum + product;
    const back = next - sum;
    error += sum - (next - back) + (product - back) + productError;
    sum = next;
  }
  return sum + error;
}

const gramOf = (grads: readonly (readonly number[])[]): Float64Array =>
  Float64Array.from(grads.flatMap((a) => grads.map((b) => exactDot(a, b))));

function direction(grads: readonly (readonly number[])[], weights: Float64Array): number[] {
  return (grads[0] ?? []).map((_, p) =>
    grads.reduce((total, g, k) => total + weights[k]! * g[p]!, 0),
  );
}

/** One step of a method that sees the Gram matrix and the gains of a case's gradients. */
function gramMethod(
  name: string,
  toOptions: (hyper: MtlHyper, variant: string) => Record<string, unknown>,
  toOutputs: (output: WeightingOutput) => Outputs = ({ weights }) => ({ weights }),
): MtlMethod {
  return (tasks, hyper, variant) => {
    const weighting = createWeighting(name, tasks, toOptions(hyper, variant));
    return ({ grads = [], losses = [], valGrad }: MtlInput) => {
      const output = weighting.step({
        losses: Float64Array.from(losses),
        gram: gramOf(grads),
        ...(valGrad && {
          gains: Float64Array.from(grads, (g) => exactDot(g, valGrad)),
          validationNormSquared: exactDot(valGrad, valGrad),
        }),
        random: seededRandom(1),
      });
      return {
        ...output.diagnostics,
        direction: direction(grads, output.weights),
        ...toOutputs(output),
      };
    };
  };
}

/** The reference's weights are those on the simplex, before they are turned into multipliers. */
const simplexWeights = ({ diagnostics }: WeightingOutput): Outputs => ({
  weights: diagnostics['simplexWeights'],
});

const pcgrad: MtlMethod =
  (tasks, { includeSelf = false, eps = 0, reduction = 'sum' }) =>
  ({ grads = [], orders = [] }) => {
    const rows = projectConflicting(gramOf(grads), orders, { includeSelf, eps });
    const share = reduction === 'mean' ? 1 / tasks : 1;
    const weights = Float64Array.from(grads, (_, k) =>
      grads.reduce((total, __, i) => total + share * rows[i * tasks + k]!, 0),
    );
    return {
      weights,
      direction: direction(grads, weights),
      projectionCoefficients: grads.map((_, i) => rows.slice(i * tasks, (i + 1) * tasks)),
    };
  };

/** The methods with a solver, under the names of the reference files. */
export const SOLVER_METHODS: Readonly<Record<string, MtlMethod>> = {
  pcgrad,
  fairgrad: gramMethod('fairgrad', ({ alpha }) => ({ alpha })),
  nashmtl: gramMethod('nashmtl', ({ updateWeightsEvery }) => ({ updateWeightsEvery })),
  mgda: gramMethod('mgda', ({ normalise }) => ({ normalise }), simplexWeights),
  cagrad: gramMethod('cagrad', ({ c, rescale }) => ({ c, rescale, epsilonUnit: 'absolute' })),
  imtlg: gramMethod('imtlg', () => ({})),
  aligned: gramMethod('aligned', ({ scaleMode }) => ({ scaleMode })),
  gradmatch: gramMethod('gradmatch', ({ ridge }, variant) => ({
    ridge,
    ridgeUnit: 'absolute',
    constraint: variant,
  })),
};
