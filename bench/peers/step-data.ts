import { STATE_FEATURES } from '../../src/contracts/index.ts';
import { seededRandom, STEPS } from '../../src/core/index.ts';
import { compile, type TensorProgram, trace } from '../../src/engine/index.ts';
import {
  initialParameters,
  type ModelIo,
  type ModelSettings,
  namedParameters,
  parameterPlan,
} from '../../src/model/index.ts';
import {
  taskGradientsProgram,
  weightedGradientProgram,
} from '../../src/trainer/step/gradient-graphs.ts';
import { fusedStepProgram, updateProgram } from '../../src/trainer/step/update-graphs.ts';
import type { OptimiserSettings } from '../../src/trainer/index.ts';
import type { NamedTensor, StepTensors } from './step-peer.ts';

/** Rows of each task in a batch of 32. */
export const COUNTS = [13, 13, 6];
const ROWS = 32;
const PARAMETER_SEED = 17;
/** Days of the training window, and market channels of three tasks. */
const DAYS = 8;
const CHANNELS = 7;
const HISTORY = 2 * STEPS;

/** What the data fixes; the market only where the model looks at it. */
export function stepIo({ temporal }: ModelSettings): ModelIo {
  const io = { tasks: COUNTS.length, steps: STEPS, features: STATE_FEATURES };
  return temporal === 'none' ? io : { ...io, market: { channels: CHANNELS, history: HISTORY } };
}

/** Smooth random walks; every other campaign stops early; days that rise and fall. */
function batch(prefix: string, seed: number, days: number, withMarket: boolean): NamedTensor[] {
  const random = seededRandom(seed);
  const tensor = (name: string, shape: number[], at: (index: number) => number): NamedTensor => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
    return { name: prefix + name, shape, data: data.map((_, index) => at(index)) };
  };
  const walk = new Float32Array(STATE_FEATURES);
  const isOn = (i: number): boolean => Math.floor(i / STEPS) % 2 === 0 || i % STEPS < 60;
  const rows = [
    tensor('states', [ROWS, STEPS + 1, STATE_FEATURES], (i) => {
      if (i % ((STEPS + 1) * STATE_FEATURES) === 0) walk.fill(0);
      const feature = i % STATE_FEATURES;
      return (walk[feature] = 0.95 * walk[feature]! + 0.3 * random.normal());
    }),
    tensor('label', [ROWS, 1], () => random.next()),
    tensor('action', [ROWS, STEPS], () => random.normal()),
    tensor('mask', [ROWS, STEPS], (i) => (isOn(i) ? 1 : 0)),
  ];
  if (!withMarket) return rows;
  return [
    ...rows,
    tensor('day', [ROWS], (i) => i % days),
    tensor('market', [days, HISTORY, CHANNELS], (i) => {
      const step = Math.floor(i / CHANNELS) % STEPS;
      const wave = Math.cos((2 * Math.PI * (step + 5 * (i % CHANNELS))) / STEPS);
      return wave + 0.4 * Math.cos((4 * Math.PI * step) / STEPS) + 0.4 * random.normal();
    }),
  ];
}

/** Parameters, a training batch and a held-out one for a model. */
export function stepTensors(model: ModelSettings): StepTensors {
  const plan = parameterPlan(model, stepIo(model));
  const withMarket = model.temporal !== 'none';
  return {
    parameters: namedParameters(plan, initialParameters(plan, PARAMETER_SEED)).map(
      ({ parameter, data }) => ({ name: parameter.name, shape: parameter.shape, data }),
    ),
    batch: [...batch('', 17, DAYS, withMarket), ...batch('validation.', 18, 1, withMarket)],
  };
}

/** The graphs that a step runs, by method. */
export function stepPrograms(
  model: ModelSettings,
  optimiser: OptimiserSettings,
): Readonly<Record<'vanilla' | 'vamo', readonly TensorProgram[]>> {
  const io = stepIo(model);
  const design = { settings: model, io, plan: parameterPlan(model, io), counts: COUNTS, optimiser };
  const [days, heldOutDays] = io.market ? [DAYS, 1] : [0, 0];
  const look = { scope: 'all', metric: 'euclid', validation: 'heldout' } as const;
  return {
    vanilla: [fusedStepProgram(design, days)],
    vamo: [
      weightedGradientProgram(design, heldOutDays),
      taskGradientsProgram(design, days, look),
      updateProgram(design),
    ],
  };
}

export interface StepGraphs {
  /** Of the matrix products, as the graphs have them. */
  readonly gigaflop: number;
  readonly megabytes: number;
  /** To trace and compile them. */
  readonly seconds: number;
}

/** What the graphs of a step hold and take to make. */
export async function stepGraphs(
  model: ModelSettings,
  optimiser: OptimiserSettings,
  threads: number,
): Promise<Readonly<Record<'vanilla' | 'vamo', StepGraphs>>> {
  const made = async (programs: readonly TensorProgram[]): Promise<StepGraphs> => {
    const start = performance.now();
    const sum = { gigaflop: 0, megabytes: 0 };
    for (const { inputs, fn } of programs) {
      const graph = trace(inputs, fn);
      await (await compile(graph, { threads })).release();
      sum.gigaflop += graph.flops / 1e9;
      sum.megabytes += graph.bytes.length / 1e6;
    }
    return { ...sum, seconds: (performance.now() - start) / 1e3 };
  };
  const { vanilla, vamo } = stepPrograms(model, optimiser);
  return { vanilla: await made(vanilla), vamo: await made(vamo) };
}
