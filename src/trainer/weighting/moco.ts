import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { aboveFloor } from './loss-floor.ts';
import { invalid, parseOptions, parseState, perTask, requireNumbers } from './options.ts';
import { presentTasks, softmaxWeights } from './simplex.ts';
import { projectToSimplex } from './solvers/simplex-projection.ts';
import { times } from './statistics.ts';

const schema = z.strictObject({
  /** Step of the tracker, beta / t^betaSigma. */
  beta: z.number().positive().default(0.5),
  betaSigma: z.number().min(0).default(0.5),
  /** Step of lambda, gamma / t^gammaSigma. */
  gamma: z.number().min(0).default(0.1),
  gammaSigma: z.number().min(0).default(0.5),
  /** Pull of lambda to equal weights. */
  rho: z.number().min(0).default(0),
  eps: z.number().positive().default(1e-8),
  /** Back to the simplex by `softmax` as in LibMTL (stays close to 1/K), or by projection as in the paper. */
  projection: z.enum(['softmax', 'simplex']).default('softmax'),
});

const bytesOf = (row: Float64Array): string =>
  Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('base64');

function rowOf(base64: string): Float64Array {
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length % 8 !== 0) throw invalid('moco state: tracker: not whole numbers');
  return new Float64Array(new Uint8Array(bytes).buffer);
}

type Row = Float32Array | Float64Array;

function inner(a: Row, b: Row): number {
  let sum = 0;
  for (let p = 0; p < a.length; p++) sum += (a[p] ?? 0) * (b[p] ?? 0);
  return sum;
}

/** y += factor x. */
function add(y: Float64Array, factor: number, x: Row): void {
  for (let p = 0; p < y.length; p++) y[p] = (y[p] ?? 0) + factor * (x[p] ?? 0);
}

/** y - rate (y - size g). */
function follow(y: Float64Array | undefined, g: Row, size: number, rate: number): Float64Array {
  const next = y ? y.map((x) => (1 - rate) * x) : new Float64Array(g.length);
  add(next, rate * size, g);
  return next;
}

/**
 * MoCo as in LibMTL: a tracker Y of the normalised gradients times their losses corrects the bias of
 * one batch; lambda descends ||Y^T lambda||^2 and the direction is Y^T lambda.
 */
export const moco: WeightingMethod = {
  name: 'moco',
  summary: 'least-norm direction of tracked gradients, free of one batch’s bias',
  source: 'Fernando et al. 2023, Mitigating gradient bias in multi-objective learning',
  cost: 'F + G',
  create(tasks, given) {
    const { beta, betaSigma, gamma, gammaSigma, rho, eps, projection } = parseOptions(
      'moco',
      schema,
      given,
    );
    const state = z.strictObject({
      steps: z.int().min(0),
      lambda: perTask(tasks),
      tracker: z.array(z.string()),
    });
    let steps = 0;
    let lambda: Float64Array = new Float64Array(tasks).fill(1 / tasks);
    let tracker: Float64Array[] = [];
    return {
      needs: new Set(['losses', 'gradients']),
      positiveLosses: true,
      scope: 'shared',
      metric: 'euclid',
      headPolicy: 'unweighted',
      headScale: 'one',
      step({ gradients, losses, lossFloor, present: there }) {
        const rows = gradients?.shared ?? [];
        if (rows.length !== tasks)
          throw invalid(`gradients: ${rows.length} rows; must be ${tasks}`);
        const loss = aboveFloor(requireNumbers('losses', losses, tasks), lossFloor);
        const present = presentTasks(tasks, there);
        steps++;
        const rate = beta / steps ** betaSigma;
        tracker = rows.map((row, k) => {
          if (!present[k]) return tracker[k] ?? new Float64Array(row.length);
          return follow(tracker[k], row, (loss[k] ?? 0) / (Math.sqrt(inner(row, row)) + eps), rate);
        });
        const gram = tracker.flatMap((a) => tracker.map((b) => inner(a, b)));
        const descent = times(Float64Array.from(gram), lambda);
        const pull = gamma / steps ** gammaSigma;
        const moved = lambda.map((x, k) => x - pull * ((descent[k] ?? 0) + rho * x));
        lambda =
          projection === 'simplex'
            ? projectToSimplex(moved)
            : softmaxWeights(moved, 1, presentTasks(tasks));
        const direction = new Float64Array(rows[0]?.length ?? 0);
        tracker.forEach((row, k) => add(direction, lambda[k] ?? 0, row));
        return { weights: lambda.slice(), direction, diagnostics: { lambda: [...lambda] } };
      },
      save: () => ({ steps, lambda: [...lambda], tracker: tracker.map(bytesOf) }),
      load(saved) {
        const parsed = parseState('moco', state, saved);
        steps = parsed.steps;
        lambda = Float64Array.from(parsed.lambda);
        tracker = parsed.tracker.map(rowOf);
      },
    };
  },
};
