import type { Lookahead } from '../weighting/method.ts';
import {
  combined,
  gainsAgainst,
  type InnerProduct,
  moved,
  type TaskGradients,
} from './inner-products.ts';
import type { Passes } from './passes.ts';
import { type Feeds, read } from './session.ts';
import { equal } from './sight.ts';

/** One step's situation, as methods that look beyond first order at theta see it. */
export interface Situation {
  readonly passes: Passes;
  /** theta, the generator's vector. */
  readonly theta: Float32Array;
  readonly batch: Feeds;
  /** Draws the held-out batch (the same one at every call of a step). */
  readonly target: () => Feeds;
  readonly rows: TaskGradients;
  readonly product: InnerProduct;
  readonly learningRate: number;
}

const unit = (tasks: number, k: number): Float64Array =>
  Float64Array.from({ length: tasks }, (_, i) => (i === k ? 1 : 0));

/** <g_val(theta - rate sum_k weights_k g_k), g_k>: the gains one virtual step ahead. */
export async function virtualGains(
  { passes, theta, target, rows, product }: Situation,
  weights: Float64Array,
  rate: number,
): Promise<Float64Array> {
  const ahead = moved(theta, combined(rows, weights), -rate);
  const { gradient } = await passes.gradient(target(), equal(rows.shared.length), ahead);
  return gainsAgainst(await read(gradient), rows, product);
}

/** Length of the step, in parameter space, over which a Hessian's product is a difference. */
const DIFFERENCE = 0.01;

/**
 * <p, g_k> with p = sum_{i=0}^{terms} (I - rate H)^i v, the truncated Neumann series of
 * H^-1 v / rate; H is the Hessian of the training batch's loss sum_k weights_k L_k, and its products
 * with vectors are central differences of gradients.
 */
export async function hyperGains(
  { passes, theta, batch, rows, product }: Situation,
  v: Float32Array,
  weights: Float64Array,
  { rate, terms }: { readonly rate: number; readonly terms: number },
): Promise<Float64Array> {
  const gradientAt = async (at: Float32Array): Promise<Float32Array> =>
    read((await passes.gradient(batch, weights, at)).gradient);
  let term: Float64Array = Float64Array.from(v);
  const total = term.slice();
  for (let i = 0; i < terms; i++) {
    const size = Math.sqrt(term.reduce((s, x) => s + x * x, 0));
    if (size === 0) break;
    const step = DIFFERENCE / size;
    const [up, down] = [
      await gradientAt(moved(theta, term, step)),
      await gradientAt(moved(theta, term, -step)),
    ];
    term = term.map((x, j) => {
      const curved = ((up[j] ?? 0) - (down[j] ?? 0)) / (2 * step);
      return x - rate * curved;
    });
    term.forEach((x, j) => (total[j] = (total[j] ?? 0) + x));
  }
  return gainsAgainst(Float32Array.from(total), rows, product);
}

/** Held-out losses now and after a step along each task's gradient alone. */
export async function lookahead(
  { passes, theta, target, rows, learningRate }: Situation,
  before: Float64Array | undefined,
): Promise<Lookahead> {
  const tasks = rows.shared.length;
  const after = new Float64Array(tasks * tasks);
  for (let k = 0; k < tasks; k++) {
    const ahead = moved(theta, combined(rows, unit(tasks, k)), -learningRate);
    after.set(await passes.losses(target(), ahead), k * tasks);
  }
  return { before: before ?? (await passes.losses(target())), after };
}
