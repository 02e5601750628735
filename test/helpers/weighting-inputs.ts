import { type Random, seededRandom } from '../../src/core/index.ts';
import type { StepOutcome, WeightingInput } from '../../src/trainer/weighting/method.ts';

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, p) => sum + x * b[p]!, 0);

export const gramOf = (
  a: readonly ArrayLike<number>[],
  b: readonly ArrayLike<number>[] = a,
): Float64Array => Float64Array.from(a.flatMap((x) => b.map((y) => dot(x, y))));

const normals = (random: Random, size: number): Float64Array =>
  Float64Array.from({ length: size }, () => random.normal());

/** What the learner would hand to any method, from given gradients. */
export function inputOf(
  rows: readonly Float64Array[],
  random: Random,
  more: Partial<WeightingInput> = {},
): WeightingInput {
  const tasks = rows.length;
  const size = rows[0]!.length;
  const validation = normals(random, size);
  const gains = gramOf([validation], rows);
  const noisy = rows.map((row) => row.map((x) => x * (1 + 0.3 * random.normal())));
  return {
    losses: Float64Array.from({ length: tasks }, () => 0.2 + random.next()),
    gram: gramOf(rows),
    norms: Float64Array.from(rows, (row) => Math.sqrt(dot(row, row))),
    gains,
    validationNormSquared: dot(validation, validation),
    gradients: { shared: rows, tensorSizes: [2, size - 2] },
    crossGram: gramOf(noisy, rows),
    virtualGains: gains.map((m) => m * (0.5 + random.next())),
    hyperGains: gains.map((m) => 4 * m),
    lookahead: {
      before: Float64Array.from({ length: tasks }, () => 1 + random.next()),
      after: Float64Array.from({ length: tasks * tasks }, () => 1 + random.next()),
    },
    epoch: 0,
    learningRate: 0.01,
    random,
    ...more,
  };
}

/** Gradients that agree with each other, more or less. */
export function syntheticInput(
  tasks: number,
  seed = 1,
  more: Partial<WeightingInput> = {},
): WeightingInput {
  const random = seededRandom(seed, 5);
  const common = normals(random, 8);
  const rows = Array.from({ length: tasks }, () =>
    normals(random, 8).map((x, p) => common[p]! + 0.5 * x),
  );
  const input = inputOf(rows, random, more);
  // A held-out day that agrees: no method has a reason to stand still.
  const gains = gramOf([common], rows);
  return { ...input, gains, validationNormSquared: dot(common, common), ...more };
}

export function outcomeOf(input: WeightingInput, random: Random): StepOutcome {
  const losses = input.losses!;
  return {
    losses,
    newLosses: losses.map((loss) => loss - 0.05 * random.next()),
    epoch: input.epoch ?? 0,
  };
}
