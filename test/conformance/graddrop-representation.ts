import { isKept, signPurity } from '../../src/trainer/weighting/graddrop.ts';

/**
 * GradDrop's representation variant, which no model here has a place for: the vote is on the batch's sum of gradient times sign of the
 * representation, one mask a feature for every sample.
 * @param gradients K x batch x features
 * @returns batch x features, the gradient that goes on below the representation
 */
export function dropInRepresentation(
  representation: readonly (readonly number[])[],
  gradients: readonly (readonly (readonly number[])[])[],
  uniforms: readonly number[],
  { leak, eps }: { readonly leak: number; readonly eps: number },
): number[][] {
  const features = uniforms.length;
  const votes = gradients.map((task) =>
    Array.from({ length: features }, (_, f) =>
      task.reduce((sum, row, b) => sum + (row[f] ?? 0) * Math.sign(representation[b]?.[f] ?? 0), 0),
    ),
  );
  const purity = Array.from({ length: features }, (_, f) =>
    signPurity(
      votes.map((vote) => vote[f] ?? 0),
      eps,
    ),
  );
  return representation.map((_, b) =>
    Array.from({ length: features }, (__, f) =>
      gradients.reduce((sum, task, k) => {
        const kept = isKept(votes[k]?.[f] ?? 0, purity[f] ?? 0, uniforms[f] ?? 0);
        return sum + (task[b]?.[f] ?? 0) * (kept ? 1 : leak);
      }, 0),
    ),
  );
}
