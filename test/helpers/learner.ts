import { STATE_FEATURES } from '../../src/contracts/index.ts';
import { seededRandom } from '../../src/core/index.ts';
import type { HostTensor } from '../../src/engine/index.ts';
import { initialParameters, parameterPlan } from '../../src/model/index.ts';
import { createLearner, type StepDesign } from '../../src/trainer/index.ts';
import { toFeeds } from '../../src/trainer/loop/dataset.ts';
import type { LearnerOptions } from '../../src/trainer/step/learner.ts';
import { createPasses, type Passes, readGradients } from '../../src/trainer/step/passes.ts';
import { createSession, read, type Session } from '../../src/trainer/step/session.ts';
import type { Batches } from '../../src/trainer/step/sight.ts';
import type { Need, Weighting } from '../../src/trainer/weighting/index.ts';
import type { WeightingInput, WeightingOutput } from '../../src/trainer/weighting/method.ts';
import { TASKS, tinyModel, tinyTraining, walk } from './trainer.ts';

const io = { tasks: 3, steps: 96, features: STATE_FEATURES };
export const plan = parameterPlan(tinyModel, io);
export const initial = initialParameters(plan, 5);
export const counts = [2, 2, 1];
export const design: StepDesign = {
  settings: tinyModel,
  io,
  plan,
  counts,
  optimiser: tinyTraining.optimiser,
};
/** Plain SGD: an update is the direction times the rate. */
export const sgd: StepDesign = {
  ...design,
  optimiser: {
    ...design.optimiser,
    kind: 'sgd',
    learningRate: 0.1,
    warmupSteps: 0,
    clipNorm: 0,
  },
};

/** A batch of the toy design, its rows named by a seed. */
export const batchAt = (seed: number): Record<string, HostTensor> =>
  toFeeds(
    counts.flatMap((n, task) => Array.from({ length: n }, (_, i) => walk(task, seed + i, 'c'))),
  );

/** Batches 1, 2, 3, ... for training and 51, 52, ... held out; `drawn` counts them. */
export function countedBatches(): Batches & { drawn: { train: number; validation: number } } {
  const drawn = { train: 0, validation: 0 };
  return {
    drawn,
    train: () => batchAt(10 * ++drawn.train),
    validation: () => batchAt(1000 + 10 * ++drawn.validation),
  };
}

/** A method that declares some needs, keeps what it was given, and answers as told. */
export function probe(
  needs: readonly Need[],
  more: Partial<Weighting> & { answer?: (input: WeightingInput) => Partial<WeightingOutput> } = {},
): Weighting & { seen: WeightingInput[] } {
  const { answer, ...rest } = more;
  const seen: WeightingInput[] = [];
  return {
    seen,
    needs: new Set(needs),
    scope: 'all',
    metric: 'euclid',
    headPolicy: 'weighted',
    headScale: 'one',
    step: (input) => {
      seen.push(input);
      return { weights: Float64Array.of(0.5, 0.3, 0.2), diagnostics: {}, ...answer?.(input) };
    },
    save: () => ({}),
    load: () => undefined,
    ...rest,
  };
}

const common = { initial, inverseLearningRate: 1e-3, threads: 1 };

export const learnerOf = (weighting: Weighting, more: Partial<LearnerOptions> = {}) =>
  createLearner({
    design,
    tasks: TASKS,
    weighting,
    random: seededRandom(1),
    ...common,
    ...more,
  });

/** Passes over a session, their gradients in host memory. */
export function hostPasses(of: StepDesign, session: Session) {
  const passes = createPasses(of, session, 'weighted');
  return {
    ...passes,
    gradient: async (...given: Parameters<Passes['gradient']>) => {
      const { losses, gradient } = await passes.gradient(...given);
      return { losses, gradient: await read(gradient) };
    },
    taskGradients: async (...given: Parameters<Passes['taskGradients']>) => {
      const found = await passes.taskGradients(...given);
      return { ...found, rows: await readGradients(found.rows) };
    },
  };
}

/** The graphs of a fresh learner, by themselves. */
export function passesOf(of: StepDesign = design) {
  const session = createSession(of, common);
  return { session, passes: hostPasses(of, session) };
}
