import type { ParameterPlan } from '../../model/index.ts';
import { type InnerProduct, moved, squaredNorm } from './inner-products.ts';
import type { Passes } from './passes.ts';
import type { Feeds } from './session.ts';

/**
 * How far theta is moved, both ways. In float32 the gains of a 2-layer model came out to 1e-4 of the
 * largest from 0.002 to 0.01; below it rounding of the losses grows, above it the third derivative.
 */
const LENGTH = 0.005;

/**
 * Gains without task gradients: m_k = <g_k, u> = dL_k/du with u = v in the inner product's metric and
 * scope, as the central difference (L_k(theta + e u) - L_k(theta - e u)) / 2e, e = LENGTH / ||u||. All K
 * of them cost two forward passes and no storage.
 */
export async function gainsByDifference(
  passes: Passes,
  theta: Float32Array,
  batch: Feeds,
  v: Float32Array,
  { plan, tasks }: { readonly plan: ParameterPlan; readonly tasks: number },
  product: InnerProduct,
): Promise<{ readonly gains: Float64Array; readonly validationNormSquared: number }> {
  const { metric, scope } = product;
  const { sharedSize } = plan;
  const u = Float64Array.from(v, (x, i) =>
    scope === 'shared' && i >= sharedSize ? 0 : x * (metric?.[i] ?? 1),
  );
  const size = Math.sqrt(u.reduce((s, x) => s + x * x, 0));
  const validationNormSquared = squaredNorm(v, sharedSize, product);
  if (size === 0) return { gains: new Float64Array(tasks), validationNormSquared };
  const step = LENGTH / size;
  const up = await passes.losses(batch, moved(theta, u, step));
  const down = await passes.losses(batch, moved(theta, u, -step));
  return { gains: up.map((x, k) => (x - (down[k] ?? 0)) / (2 * step)), validationNormSquared };
}
