import { z } from 'zod';
import type { Random } from '../../core/index.ts';
import { gramWeighting } from './gram-method.ts';
import type { WeightingMethod } from './method.ts';
import { parseOptions } from './options.ts';
import { dot, entry } from './solvers/matrix.ts';

const VARIANTS = {
  paper: { includeSelf: false, eps: 0 },
  libmtl: { includeSelf: true, eps: 1e-8 },
  nash: { includeSelf: true, eps: 0 },
} as const;

const schema = z.strictObject({
  /** Defaults of the two options below, as in the paper, in LibMTL, or in Nash-MTL's repository. */
  variant: z.enum(['paper', 'libmtl', 'nash']).default('paper'),
  /** Whether a task, turned round by others, is projected on its own gradient as well. */
  includeSelf: z.boolean().optional(),
  /** Added to the squared norm divided by. */
  eps: z.number().min(0).optional(),
  /** The projected gradients are summed, as published, or averaged. */
  reduction: z.enum(['sum', 'mean']).default('sum'),
});

/**
 * The projected gradients as coefficients over the raw ones (K x K, row i for task i): for j in
 * task i's order, where g_i' . g_j < 0, g_i' loses its part along the raw g_j. All inner products
 * come from the Gram matrix: no gradient is touched.
 * @param orders for each task a permutation of the tasks (itself included or not).
 */
export function projectConflicting(
  gram: Float64Array,
  orders: readonly (readonly number[])[],
  { includeSelf, eps }: { readonly includeSelf: boolean; readonly eps: number },
): Float64Array {
  const n = orders.length;
  const coefficients = new Float64Array(n * n);
  for (const [i, order] of orders.entries()) {
    const row = coefficients.subarray(i * n, (i + 1) * n);
    row[i] = 1;
    for (const j of order) {
      if (j === i && !includeSelf) continue;
      const along = dot(row, gram.subarray(j * n, (j + 1) * n));
      if (along < 0) row[j] = entry(row, j) - along / (entry(gram, j * n + j) + eps);
    }
  }
  return coefficients;
}

/** A uniform permutation of 0..n-1 (Fisher and Yates). */
function permutation(n: number, random: Random): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const [a, b] = [entry(order, i), entry(order, j)];
    order[i] = b;
    order[j] = a;
  }
  return order;
}

/** PCGrad: each gradient is projected on the normal planes of those it conflicts with, then summed. */
export const pcgrad: WeightingMethod = {
  name: 'pcgrad',
  summary: 'gradients freed of their parts against each other, then summed',
  source: 'Yu et al. 2020, Gradient surgery for multi-task learning, NeurIPS',
  cost: 'F + G',
  create(tasks, options) {
    const { variant, reduction, ...given } = parseOptions('pcgrad', schema, options);
    const includeSelf = given.includeSelf ?? VARIANTS[variant].includeSelf;
    const eps = given.eps ?? VARIANTS[variant].eps;
    return gramWeighting(tasks, {
      needs: ['gram'],
      scope: 'shared',
      headPolicy: 'unweighted',
      solve({ gram, size, random }) {
        const orders = Array.from({ length: size }, () => permutation(size, random));
        const rows = projectConflicting(gram, orders, { includeSelf, eps });
        return { weights: columnSums(rows, size, reduction) };
      },
    });
  },
};

/** Total or mean of the rows of a K x K matrix of coefficients. */
function columnSums(
  coefficients: Float64Array,
  n: number,
  reduction: 'sum' | 'mean',
): Float64Array {
  const sums = new Float64Array(n);
  for (const [at, x] of coefficients.entries()) sums[at % n] = entry(sums, at % n) + x;
  return reduction === 'sum' ? sums : sums.map((x) => x / n);
}
