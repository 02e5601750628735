import { STATE_FEATURES } from '../../src/contracts/index.ts';
import { type EngineKind, seededRandom } from '../../src/core/index.ts';
import { createEngine, type HostTensor } from '../../src/engine/index.ts';
import {
  initialParameters,
  type ModelSettings,
  namedParameters,
  parameterPlan,
} from '../../src/model/index.ts';
import {
  createLearner,
  createWeighting,
  type StepDesign,
  traceGradients,
} from '../../src/trainer/index.ts';
import { toFeeds } from '../../src/trainer/loop/dataset.ts';
import { TASKS, tinyModel, tinyTraining, walk } from './trainer.ts';

/** Every part of the model is in one of these. */
export const PARITY_MODELS: Readonly<Record<string, ModelSettings>> = {
  gaussian: { ...tinyModel, layers: 2 },
  'mse, action head': { ...tinyModel, likelihood: 'mse', policyHead: 'action' },
};
/** Both shapes of a step: gradients, then weights, then update; and one fused graph. */
export const PARITY_METHODS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  vamo: { preset: 'paper', lambda: 0.5 },
  vanilla: {},
};
const COUNTS = [2, 2, 1];
const STEPS = 20;
const io = { tasks: TASKS.length, steps: 96, features: STATE_FEATURES };
const PARAMETER_SEED = 5;

function designOf(settings: ModelSettings): StepDesign {
  const plan = parameterPlan(settings, io);
  return { settings, io, plan, counts: COUNTS, optimiser: tinyTraining.optimiser };
}

const batchOf = (seed: number): Record<string, HostTensor> =>
  toFeeds(
    COUNTS.flatMap((n, task) => Array.from({ length: n }, (_, i) => walk(task, seed + i, 'c'))),
  );

/** Twenty whole steps of one model by one method. */
export async function paritySteps(
  engine: EngineKind,
  settings: ModelSettings,
  method: string,
): Promise<number[][]> {
  const design = designOf(settings);
  const learner = await createLearner({
    design,
    tasks: TASKS,
    weighting: createWeighting(method, TASKS.length, PARITY_METHODS[method] ?? {}),
    random: seededRandom(1),
    inverseLearningRate: 1e-3,
    initial: initialParameters(design.plan, PARAMETER_SEED),
    threads: 1,
    engine,
  });
  const rows: number[][] = [];
  for (let i = 0; i < STEPS; i++) {
    const r = await learner.step(batchOf(i), batchOf(60 + i), i % 5 === 0);
    const change = r.validationChange ?? { predicted: 0, realised: 0 };
    rows.push([...r.losses, r.inverseLoss, ...r.weights, change.predicted, change.realised]);
  }
  await learner.release();
  return rows;
}

/** Gradients tensor by tensor: each task's, the validation loss's, and the inverse model's update. */
export async function parityGradients(
  kind: EngineKind,
  settings: ModelSettings,
): Promise<Record<string, number[]>> {
  const design = designOf(settings);
  const { plan } = design;
  const initial = initialParameters(plan, PARAMETER_SEED);
  const engine = await createEngine(kind, { threads: 1 });
  const graph = await engine.prepare(traceGradients(design, true));
  const vector = (data: Float32Array): HostTensor => ({ shape: [data.length], data });
  const scalar = (x: number): HostTensor => ({ shape: [], data: Float32Array.of(x) });
  const given: Record<string, HostTensor> = {
    generator: vector(initial.generator),
    inverse: vector(initial.inverse),
    inverseMean: vector(new Float32Array(plan.inverseSize)),
    inverseSquare: vector(new Float32Array(plan.inverseSize)),
    inverseLearningRate: scalar(1e-3),
    meanCorrection: scalar(0.1),
    squareCorrection: scalar(0.001),
    ...batchOf(1),
    ...Object.fromEntries(Object.entries(batchOf(50)).map(([k, v]) => [`validation.${k}`, v])),
  };
  const outputs = await graph.run(
    Object.fromEntries(Object.entries(given).filter(([name]) => name in graph.inputs)),
  );
  await graph.release();
  const floats = (name: string): Float32Array => Float32Array.from(outputs[name]?.data ?? []);
  const wholes: Record<string, Float32Array> = { validation: floats('validation') };
  TASKS.forEach((task, k) => {
    const whole = new Float32Array(plan.generatorSize);
    whole.set(floats(`shared.${k}`));
    whole.set(floats(`head.${k}`), plan.sharedSize + k * plan.headSize);
    wholes[task] = whole;
  });
  const tensors: Record<string, number[]> = {};
  const inverse = new Float32Array(plan.inverseSize);
  for (const [of, generator] of Object.entries(wholes))
    for (const { parameter, data } of namedParameters(plan, { generator, inverse }))
      if (parameter.scope !== 'inverse') tensors[`${of} ${parameter.name}`] = [...data];
  // Adam's first moment after one step is a tenth of the inverse model's gradient.
  if (plan.inverseSize > 0) tensors['inverse'] = [...floats('next.inverseMean')];
  return tensors;
}
