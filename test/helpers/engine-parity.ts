import { STATE_FEATURES } from '../../src/contracts/index.ts';
import { type EngineKind, seededRandom } from '../../src/core/index.ts';
import {
  createEngine,
  type HostTensor,
  residentCount,
  type TensorProgram,
} from '../../src/engine/index.ts';
import {
  initialParameters,
  type ModelSettings,
  namedParameters,
  parameterPlan,
  type TimesNetSettings,
} from '../../src/model/index.ts';
import {
  createLearner,
  createWeighting,
  type StepDesign,
  type Weighting,
} from '../../src/trainer/index.ts';
import { toFeeds } from '../../src/trainer/loop/dataset.ts';
import {
  taskGradientsProgram,
  weightedGradientProgram,
} from '../../src/trainer/step/gradient-graphs.ts';
import { fusedStepProgram } from '../../src/trainer/step/update-graphs.ts';
import { TASKS, tinyModel, tinyTraining, walk } from './trainer.ts';

const timesnet: TimesNetSettings = {
  kind: 'timesnet',
  width: 4,
  inner: 6,
  blocks: 1,
  kernels: 2,
  periods: 2,
  spectrum: 'block',
  forecast: false,
};

/** Every part of the model is in one of these. */
export const PARITY_MODELS: Readonly<Record<string, ModelSettings>> = {
  gaussian: { ...tinyModel, layers: 2 },
  'mse, action head': { ...tinyModel, likelihood: 'mse', policyHead: 'action' },
  timesnet: { ...tinyModel, temporal: timesnet },
  'raw spectrum, experts, guidance': {
    ...tinyModel,
    temporal: { ...timesnet, spectrum: 'raw' },
    experts: { count: 2, balance: 0.1 },
    guidance: { drop: 0.4, strength: 1.5 },
  },
  forecast: { ...tinyModel, temporal: { ...timesnet, forecast: true } },
  lstm: { ...tinyModel, temporal: { kind: 'lstm', width: 4, cells: 4 } },
};
/** Both shapes of a step: gradients, then weights, then update; and one fused graph. */
export const PARITY_METHODS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  vamo: { preset: 'paper', lambda: 0.5 },
  vanilla: {},
};
const COUNTS = [2, 2, 1];
const DAYS = 2;
const MARKET = { channels: 3, history: 96 };
const PARAMETER_SEED = 5;

function designOf(settings: ModelSettings): StepDesign {
  const io = {
    tasks: TASKS.length,
    steps: 96,
    features: STATE_FEATURES,
    ...(settings.temporal !== 'none' && { market: MARKET }),
  };
  const plan = parameterPlan(settings, io);
  return { settings, io, plan, counts: COUNTS, optimiser: tinyTraining.optimiser };
}

/** Days that rise and fall, each in its own way. */
function marketOf(seed: number): HostTensor {
  const random = seededRandom(seed, 77);
  const { history, channels } = MARKET;
  const data = Float32Array.from({ length: DAYS * history * channels }, (_, i) => {
    const step = Math.floor(i / channels) % 96;
    return Math.cos((2 * Math.PI * (1 + (i % channels)) * step) / 96) + 0.3 * random.normal();
  });
  return { shape: [DAYS, history, channels], data };
}

const batchOf = ({ io, settings }: StepDesign, seed: number): Record<string, HostTensor> =>
  toFeeds(
    COUNTS.flatMap((n, task) =>
      Array.from({ length: n }, (_, i) => walk(task, seed + i, 'c', i % DAYS)),
    ),
    {
      market: io.market ? marketOf(seed) : null,
      withheld: settings.guidance && ((row) => row % 2 === 1),
    },
  );

/** What a step of some engine gave. */
export interface ParityStep {
  /** Losses, weights and validation change. */
  readonly figures: readonly number[];
  /** The Gram matrix and the gains that the method was given; empty if it asks for none. */
  readonly products: readonly number[];
  /** Tensors that the engine keeps after the step. */
  readonly resident: number;
}

/** How far two steps' inner products are apart, as a share of the largest. */
export function productGap({ products: a }: ParityStep, { products: b }: ParityStep): number {
  if (a.length !== b.length) return Infinity;
  const largest = Math.max(1e-12, ...b.map(Math.abs));
  return Math.max(0, ...b.map((x, i) => Math.abs(x - (a[i] ?? NaN)))) / largest;
}

/** A method that also writes down the inner products it is given. */
function recorded(weighting: Weighting): Weighting & { readonly products: number[] } {
  const products: number[] = [];
  const step: Weighting['step'] = (input) => {
    products.splice(0, products.length, ...(input.gram ?? []), ...(input.gains ?? []));
    return weighting.step(input);
  };
  return { ...weighting, step, products };
}

/** Whole steps of one model by one method. */
export async function paritySteps(
  engine: EngineKind,
  settings: ModelSettings,
  method: string,
  steps = 20,
): Promise<ParityStep[]> {
  const design = designOf(settings);
  const weighting = recorded(createWeighting(method, TASKS.length, PARITY_METHODS[method] ?? {}));
  const before = residentCount();
  const learner = createLearner({
    design,
    tasks: TASKS,
    weighting,
    random: seededRandom(1),
    inverseLearningRate: 1e-3,
    initial: initialParameters(design.plan, PARAMETER_SEED),
    threads: 1,
    engine,
  });
  const found: ParityStep[] = [];
  for (let i = 0; i < steps; i++) {
    const batches = {
      train: () => batchOf(design, i),
      validation: () => batchOf(design, 60 + i),
    };
    const r = await learner.step(batches, i % 5 === 0);
    const change = r.validationChange ?? { predicted: 0, realised: 0 };
    found.push({
      figures: [...r.losses, r.inverseLoss, ...r.weights, change.predicted, change.realised],
      products: [...weighting.products],
      resident: residentCount() - before,
    });
  }
  await learner.release();
  if (residentCount() !== before) throw new Error('a released learner keeps tensors');
  return found;
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
  const vector = (data: Float32Array): HostTensor => ({ shape: [data.length], data });
  const scalar = (x: number): HostTensor => ({ shape: [], data: Float32Array.of(x) });
  const equal = vector(new Float32Array(TASKS.length).fill(1 / TASKS.length));
  const { generatorSize, inverseSize } = plan;
  const state: Record<string, HostTensor> = {
    generator: vector(initial.generator),
    generatorMean: vector(new Float32Array(generatorSize)),
    generatorSquare: vector(new Float32Array(generatorSize)),
    inverse: vector(initial.inverse),
    inverseMean: vector(new Float32Array(inverseSize)),
    inverseSquare: vector(new Float32Array(inverseSize)),
    learningRate: scalar(1e-3),
    inverseLearningRate: scalar(1e-3),
    meanCorrection: scalar(0.1),
    squareCorrection: scalar(0.001),
    weights: equal,
  };
  const run = async (program: TensorProgram, batch: Record<string, HostTensor>) => {
    const graph = await engine.prepare(program);
    const given = Object.entries({ ...state, ...batch });
    const outputs = await graph.run(
      Object.fromEntries(given.filter(([name]) => name in graph.inputs)),
    );
    await graph.release();
    return (name: string): Float32Array => Float32Array.from(outputs[name]?.data ?? []);
  };
  const days = design.io.market ? DAYS : 0;
  const floats = await run(taskGradientsProgram(design, days), batchOf(design, 1));
  const held = await run(weightedGradientProgram(design, days), batchOf(design, 50));
  const fused = await run(fusedStepProgram(design, days), batchOf(design, 1));
  const wholes: Record<string, Float32Array> = { validation: held('gradient') };
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
  if (plan.inverseSize > 0) tensors['inverse'] = [...fused('next.inverseMean')];
  return tensors;
}
