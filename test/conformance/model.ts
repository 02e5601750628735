import * as tf from '@tensorflow/tfjs-core';
import {
  byName,
  encode,
  headFeatures,
  inverseAction,
  inverseInput,
  type ModelIo,
  type ModelSettings,
  nextState,
  parameterPlan,
  type ParameterTensors,
  presentStates,
  type Rows,
  rowsOfTable,
  taskLoss,
  temporalTable,
} from '../../src/model/index.ts';
import { runTraced } from '../helpers/engine-run.ts';
import { type CaseResult, runAsyncCase } from './case-result.ts';
import type { Tolerance } from './compare.ts';
import { inFloat64 } from './float64.ts';
import {
  type Computed,
  firstDifference,
  type Golden,
  type Goldens,
  type Numbers,
  tensor,
} from './tensors.ts';

type Sizes =
  'T' | 'S' | 'K' | 'dx' | 'C' | 'D' | 'n' | 'k' | 'tl' | 'h' | 'heads' | 'ffn' | 'L' | 'E' | 'fh';

/** The whole model at toy size. */
export interface ModelCase {
  readonly config: Readonly<Record<Sizes | 'ih' | 'history', number>> & {
    readonly candidates: readonly { readonly period: number }[];
  };
  readonly inputs: {
    readonly market: Golden;
    readonly states: Golden;
    readonly y: Golden;
    readonly mask: Golden;
    readonly dimWeight: Golden;
    readonly day: number[];
    readonly task: number[];
  };
  readonly params: Goldens;
  readonly outputs: {
    readonly z: Golden;
    readonly hidden: Golden;
    readonly heads: readonly { readonly mean: Golden; readonly logStd: Golden }[];
    readonly loss: readonly number[];
    readonly inverse: readonly {
      readonly t: number;
      readonly input: Golden;
      readonly output: Golden;
    }[];
  };
  readonly gradsPerTask: readonly Goldens[];
}

function settingsOf({ config }: ModelCase): ModelSettings {
  return {
    hidden: config.h,
    layers: config.L,
    heads: config.heads,
    feedForward: config.ffn,
    labelEmbedding: config.E,
    headHidden: config.fh,
    inverseHidden: config.ih,
    temporal: {
      kind: 'timesnet',
      width: config.C,
      inner: config.D,
      blocks: config.tl,
      kernels: config.n,
      periods: config.k,
      spectrum: 'block',
      forecast: false,
      candidates: config.candidates.map(({ period }) => period),
    },
    likelihood: 'gaussian',
    policyHead: 'inverse',
  };
}

const ioOf = ({ config }: ModelCase): ModelIo => ({
  tasks: config.K,
  steps: config.T,
  features: config.S,
  market: { channels: config.dx, history: config.history },
});

interface Inputs {
  readonly market: tf.Tensor;
  readonly states: tf.Tensor;
  readonly y: tf.Tensor;
  readonly mask: tf.Tensor;
}

/** All trajectories in file order. */
const rowsOf = (c: ModelCase, { states, y, mask }: Inputs): Rows => ({
  states,
  label: tf.expandDims(y, 1),
  mask,
  action: tf.zerosLike(mask),
  day: tf.tensor1d(c.inputs.day, 'int32'),
});

function ofTask(c: ModelCase, rows: Rows, task: number): Rows {
  const own = c.inputs.task.flatMap((k, i) => (k === task ? [i] : []));
  const at = tf.tensor1d(own, 'int32');
  const pick = (x: tf.Tensor): tf.Tensor => tf.gather(x, at);
  return {
    states: pick(rows.states),
    label: pick(rows.label),
    mask: pick(rows.mask),
    action: pick(rows.action),
    day: tf.tensor1d(
      own.map((i) => c.inputs.day[i] ?? 0),
      'int32',
    ),
  };
}

function encoded(c: ModelCase, p: ParameterTensors, market: tf.Tensor, rows: Rows) {
  const settings = settingsOf(c);
  const table = temporalTable(settings, ioOf(c), p, market);
  const z = table && rows.day ? rowsOfTable(table, rows.day) : null;
  if (z === null) throw new Error('no temporal table');
  return { z, hidden: encode(settings, p, presentStates(settings, rows.states), z) };
}

/** Loss and gradients of one task with respect to every parameter its loss can reach. */
function taskResults(
  c: ModelCase,
  p: ParameterTensors,
  inputs: Inputs,
  task: number,
): Record<string, tf.Tensor> {
  const own = parameterPlan(settingsOf(c), ioOf(c)).generator.filter(
    ({ scope }) => scope === 'shared' || scope === task,
  );
  const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
    const moved = byName(own, tensors);
    const rows = ofTask(c, rowsOf(c, inputs), task);
    const { hidden } = encoded(c, moved, inputs.market, rows);
    return tf.reshape<tf.Rank.R0>(taskLoss(settingsOf(c), moved, task, hidden, rows), []);
  })(own.map(({ name }) => p(name)));
  return {
    [`outputs.loss.${task}`]: value,
    ...Object.fromEntries(own.map(({ name }, i) => [`gradsPerTask.${task}.${name}`, grads[i]!])),
  };
}

function forward(c: ModelCase, p: ParameterTensors, inputs: Inputs): Record<string, tf.Tensor> {
  const rows = rowsOf(c, inputs);
  const present = presentStates(settingsOf(c), rows.states);
  const { z, hidden } = encoded(c, p, inputs.market, rows);
  const [count, length, size] = rows.states.shape as [number, number, number];
  const next = tf.slice(rows.states, [0, 1, 0], [count, length - 1, size]);
  const task = tf.cast(tf.oneHot(tf.tensor1d(c.inputs.task, 'int32'), c.config.K), 'float32');
  const read = inverseInput(present, next, task);
  const actions = inverseAction(p, present, next, task);
  const heads = Array.from({ length: c.config.K }, (_, k) => {
    const { mean, logSigma } = nextState(p, k, headFeatures(p, k, hidden, rows.label), present);
    return { [`outputs.heads.${k}.mean`]: mean, [`outputs.heads.${k}.logStd`]: logSigma };
  });
  return {
    'outputs.z': z,
    'outputs.hidden': hidden,
    ...Object.fromEntries(heads.flatMap((head) => Object.entries(head))),
    ...Object.fromEntries(
      c.outputs.inverse.flatMap(({ t }, i) => [
        [`outputs.inverse.${i}.input`, tf.slice(read, [0, t, 0], [count, 1, -1])],
        [`outputs.inverse.${i}.output`, tf.slice(actions, [0, t], [count, 1])],
      ]),
    ),
  };
}

/** The model leaves time left out of its loss and nothing else. */
function requireWeights({ inputs }: ModelCase): void {
  if (inputs.dimWeight.data.some((weight, j) => weight !== (j === 0 ? 0 : 1)))
    throw new Error(`inputs.dimWeight: ${inputs.dimWeight.data.join()}, must be 0, 1, 1, ...`);
}

/** Every number of the case, from its inputs and parameters. */
function allResults(c: ModelCase, tensors: Readonly<Record<string, tf.Tensor>>) {
  const p: ParameterTensors = (name) => tensors[name] ?? tf.scalar(Number.NaN);
  const inputs = tensors as Record<string, tf.Tensor> & Inputs;
  const perTask = Array.from({ length: c.config.K }, (_, k) => taskResults(c, p, inputs, k));
  return Object.fromEntries([forward(c, p, inputs), ...perTask].flatMap((r) => Object.entries(r)));
}

function givenOf(c: ModelCase, jitter = false): Record<string, tf.Tensor> {
  return {
    market: tensor(c.inputs.market, jitter),
    states: tensor(c.inputs.states, jitter),
    y: tensor(c.inputs.y, jitter),
    mask: tensor(c.inputs.mask, false),
    ...Object.fromEntries(
      Object.entries(c.params).map(([name, golden]) => [name, tensor(golden, jitter)]),
    ),
  };
}

async function compiled(c: ModelCase): Promise<Numbers> {
  await tf.setBackend('cpu');
  await tf.ready();
  const given = givenOf(c);
  const results = await runTraced(given, (tensors) => allResults(c, tensors));
  tf.dispose(given);
  return new Map(Object.entries(results).map(([name, { data }]) => [name, data]));
}

const exactly = (c: ModelCase, jitter: boolean): Promise<Numbers> =>
  inFloat64(() => {
    const results = allResults(c, givenOf(c, jitter));
    return new Map(Object.entries(results).map(([name, t]) => [name, t.dataSync().slice()]));
  });

/** What the model computes for a case, through the tracing engine and onnxruntime and by tfjs. */
export async function computeModel(c: ModelCase): Promise<Computed> {
  requireWeights(c);
  return {
    single: await compiled(c),
    double: await exactly(c, false),
    jittered: await exactly(c, true),
  };
}

/** Every expected number of a case. */
export function expectedOf(c: ModelCase): [string, number[]][] {
  const { z, hidden, heads, loss, inverse } = c.outputs;
  return [
    ['outputs.z', z.data],
    ['outputs.hidden', hidden.data],
    ...heads.flatMap(({ mean, logStd }, k): [string, number[]][] => [
      [`outputs.heads.${k}.mean`, mean.data],
      [`outputs.heads.${k}.logStd`, logStd.data],
    ]),
    ...loss.map((value, k): [string, number[]] => [`outputs.loss.${k}`, [value]]),
    ...inverse.flatMap(({ input, output }, i): [string, number[]][] => [
      [`outputs.inverse.${i}.input`, input.data],
      [`outputs.inverse.${i}.output`, output.data],
    ]),
    ...c.gradsPerTask.flatMap((grads, k) =>
      Object.entries(grads).map(([name, { data }]): [string, number[]] => [
        `gradsPerTask.${k}.${name}`,
        data,
      ]),
    ),
  ];
}

const toleranceOf = (path: string): Tolerance =>
  path.startsWith('gradsPerTask') ? { atol: 2e-4, rtol: 1e-3 } : { atol: 2e-5, rtol: 2e-4 };

export function checkModel(
  c: ModelCase,
  computed: Computed,
  expected = expectedOf(c),
): string | undefined {
  return firstDifference(computed, expected, toleranceOf);
}

export function runModelCase(c: ModelCase): Promise<CaseResult> {
  return runAsyncCase('model', 'model', async () => checkModel(c, await computeModel(c)));
}
