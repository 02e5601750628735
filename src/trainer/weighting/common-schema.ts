import { z } from 'zod';

/** The options that every method has. */
export const commonOptions = z.strictObject({
  /**
   * Sum of the weights' magnitudes: `native` = as the method's source has it, `one` = 1 as in the
   * paper's eq. 3, `K` = the number of tasks. Benchmarks compare at `one`.
   */
  totalWeight: z.enum(['native', 'one', 'K']).default('native'),
  /** Heads get w_k grad L_k, or grad L_k as it is times `headScale`. */
  headPolicy: z.enum(['weighted', 'unweighted']).optional(),
  headScale: z.enum(['one', 'mean']).optional(),
  /** Parameters whose gradients enter inner products. */
  scope: z.enum(['all', 'shared']).optional(),
  /** Inner product: plain, or preconditioned by Adam's second moment. */
  metric: z.enum(['euclid', 'adam']).optional(),
  /** What the losses stay above, for methods that need positive ones. */
  lossFloor: z.union([z.literal('auto'), z.number(), z.array(z.number())]).default('auto'),
});
export type CommonOptions = z.output<typeof commonOptions>;

export const isCommonOption = (name: string): boolean => name in commonOptions.shape;
