import { STATE_FEATURES } from '../../src/contracts/index.ts';
import { seededRandom, silentLogger } from '../../src/core/index.ts';
import type { ModelSettings } from '../../src/model/index.ts';
import type { Dataset, TrainingSettings, TrainOptions } from '../../src/trainer/index.ts';
import type { DayTrajectory, TrajectoryRef } from '../../src/trainer/loop/dataset.ts';
import type { ObjectStore } from '../../src/store/index.ts';

export const TASKS = ['store', 'direct', 'cart'];
const STEPS = 96;
const FEATURES = STATE_FEATURES;

export const tinyModel: ModelSettings = {
  hidden: 8,
  layers: 1,
  heads: 2,
  feedForward: 16,
  labelEmbedding: 4,
  headHidden: 8,
  inverseHidden: 8,
  temporal: 'none',
  likelihood: 'gaussian',
  policyHead: 'inverse',
};

export const tinyTraining: TrainingSettings = {
  method: 'vamo',
  methodOptions: {},
  batch: 6,
  optimiser: {
    kind: 'adam',
    learningRate: 0.003,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    warmupSteps: 5,
    decay: 'none',
    clipNorm: 1,
  },
  inverseLearningRate: 0.003,
  gains: 'exact',
  gainsEvery: 1,
  checkpointEvery: 10,
  evaluateEvery: 10,
  evaluateTrajectories: 64,
  threads: 1,
  engine: 'cpu',
};

/** Smooth random walks whose drift depends on action and task: something can be learned. */
export function walk(task: number, seed: number, campaignId: string, day = 0): DayTrajectory {
  const random = seededRandom(seed, task, 5);
  const states = new Float32Array((STEPS + 1) * FEATURES);
  const actions = new Float32Array(STEPS);
  for (let j = 0; j < FEATURES; j++) states[j] = 0.5 * random.normal();
  for (let t = 0; t < STEPS; t++) {
    const action = 0.5 * random.normal();
    actions[t] = action;
    for (let j = 0; j < FEATURES; j++) {
      const now = states[t * FEATURES + j] ?? 0;
      states[(t + 1) * FEATURES + j] =
        0.9 * now + 0.2 * action * Math.cos(j + task) + 0.05 * random.normal();
    }
  }
  const label = random.next();
  const mask = new Float32Array(STEPS).fill(1);
  return { campaignId, task, day, states, actions, mask, label };
}

/** A trajectory in memory, as a dataset names it. */
export function refOf(trajectory: DayTrajectory): TrajectoryRef {
  const { campaignId, task } = trajectory;
  return { campaignId, task, read: () => trajectory };
}

function splitOf(days: readonly string[], perTask: readonly number[], seed: number) {
  const trajectories = perTask.flatMap((count, task) =>
    Array.from({ length: count }, (_, i) =>
      refOf(walk(task, seed + i, `${TASKS[task]}-${i}`, i % days.length)),
    ),
  );
  return { days, trajectories, market: null };
}

export function tinyDataset(): Dataset {
  return {
    tasks: TASKS,
    splits: {
      train: splitOf(['2026-01-07', '2026-01-08'], [8, 8, 4], 100),
      validation: splitOf(['2026-01-09'], [4, 4, 2], 200),
      test: splitOf(['2026-01-10'], [4, 4, 2], 300),
    },
  };
}

export function trainOptions(store: ObjectStore, more: Partial<TrainOptions> = {}): TrainOptions {
  return {
    dataset: tinyDataset(),
    model: tinyModel,
    training: tinyTraining,
    steps: 20,
    seed: 3,
    parent: null,
    runKey: 'a'.repeat(64),
    store,
    log: silentLogger,
    ...more,
  };
}
