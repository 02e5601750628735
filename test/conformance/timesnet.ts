import * as tf from '@tensorflow/tfjs-core';
import { embed, positions } from '../../src/model/temporal/embedding.ts';
import { foldBy } from '../../src/model/temporal/fold.ts';
import { inception, mergedKernel } from '../../src/model/temporal/inception.ts';
import { selectPeriods } from '../../src/model/temporal/periods.ts';
import {
  referenceBlock,
  referenceForecaster,
  referenceInception,
  referenceSpectrum,
} from '../../src/model/temporal/reference.ts';
import { timesBlock } from '../../src/model/temporal/times-block.ts';
import { runTraced } from '../helpers/engine-run.ts';
import { type CaseResult, runAsyncCase } from './case-result.ts';
import type { Tolerance } from './compare.ts';
import { inFloat64 } from './float64.ts';
import {
  type Computed,
  eagerly,
  firstDifference,
  type Goldens,
  type Numbers,
  numbersIn,
  tensor,
} from './tensors.ts';

export interface TimesnetCase {
  readonly name: string;
  readonly kind: string;
  readonly selection?: string;
  readonly config: Readonly<Record<string, number>> & {
    readonly candidates?: readonly { readonly frequency: number; readonly period: number }[];
  };
  readonly inputs: Goldens;
  readonly params?: Goldens;
  readonly outputs: unknown;
  readonly grads?: Goldens;
  readonly mergedKernel?: Goldens;
}

type Named = Readonly<Record<string, tf.Tensor>>;
type Results = Record<string, tf.Tensor>;
type Network = (p: (name: string) => tf.Tensor, x: tf.Tensor) => Results;

const named = (tensors: Named) => (name: string) => {
  const found = tensors[name];
  if (!found) throw new Error(`no parameter ${name}`);
  return found;
};

const size = ({ config }: TimesnetCase, name: string): number => {
  const value = config[name];
  if (typeof value !== 'number') throw new Error(`config.${name} is missing`);
  return value;
};

/** The network's results and, with a cotangent, the gradients of sum(y * cotangent). */
function differentiated(c: TimesnetCase, network: Network, given: Named): Results {
  const names = ['x', ...Object.keys(c.params ?? {})];
  const results = network(named(given), named(given)('x'));
  const cotangent = given['cotangent'];
  if (cotangent === undefined) return results;
  const grads = tf.grads((...tensors: tf.Tensor[]) => {
    const moved = named(Object.fromEntries(names.map((name, i) => [name, tensors[i]!])));
    return tf.sum(tf.mul(network(moved, moved('x'))['y']!, cotangent));
  })(names.map((name) => named(given)(name)));
  return { ...results, ...Object.fromEntries(grads.map((g, i) => [`grads.${names[i]!}`, g])) };
}

const givenOf = (c: TimesnetCase, jitter = false): Named =>
  Object.fromEntries(
    Object.entries({ ...c.params, ...c.inputs }).map(([name, golden]) => [
      name,
      tensor(golden, jitter && name !== 'cotangent'),
    ]),
  );

/** How a network is run: on tfjs's CPU backend, or traced and compiled. */
type Way = (c: TimesnetCase, network: Network) => Promise<Numbers>;

const eagerNumbers = (c: TimesnetCase, network: Network, jitter = false): Numbers => {
  const results = differentiated(c, network, givenOf(c, jitter));
  return new Map(Object.entries(results).map(([name, t]) => [name, t.dataSync().slice()]));
};

const eager: Way = (c, network) => eagerly(() => eagerNumbers(c, network));

const compiled: Way = async (c, network) => {
  const given = await eagerly(() => {
    const tensors = givenOf(c);
    for (const t of Object.values(tensors)) tf.keep(t);
    return tensors;
  });
  const results = await runTraced(given, (tensors) => differentiated(c, network, tensors));
  for (const t of Object.values(given)) t.dispose();
  return new Map(Object.entries(results).map(([name, { data }]) => [name, data]));
};

async function run(way: Way, c: TimesnetCase, network: Network): Promise<Computed> {
  return {
    single: await way(c, network),
    double: await inFloat64(() => eagerNumbers(c, network)),
    jittered: await inFloat64(() => eagerNumbers(c, network, true)),
  };
}

const fft = (c: TimesnetCase): Promise<Computed> =>
  run(eager, c, (_, x) => {
    const found = referenceSpectrum(x, size(c, 'k'));
    return {
      amplitude_batch: found.amplitudeOfBatch,
      amplitude_sample: found.amplitude,
      top_frequency: tf.tensor1d([...found.frequencies]),
      period: tf.tensor1d([...found.periods]),
      weight_logits: found.logits,
      weights: found.weights,
    };
  });

/** The block as one product over folded series, and the reference's separate convolutions. */
async function inceptionCase(c: TimesnetCase): Promise<Computed> {
  const kernels = size(c, 'numKernels');
  const [samples, , rows, columns] = c.inputs['x']!.shape as [number, number, number, number];
  const own = (p: (name: string) => tf.Tensor) => (name: string) => p(name.replace('block.', ''));
  const folded: Network = (p, x) => {
    const inputs = x.shape[1]!;
    const series = tf.reshape(tf.transpose(x, [0, 2, 3, 1]), [-1, inputs]);
    const [length, side] = [rows * columns, 2 * kernels - 1];
    const fold = foldBy(tf.zeros([samples], 'int32'), [columns], { length, side });
    const y = inception(own(p), 'block', series, { kernels, fold });
    const { weight, bias } = mergedKernel(own(p), 'block', kernels);
    return {
      y: tf.transpose(tf.reshape(y, [samples, rows, columns, y.shape[1]!]), [0, 3, 1, 2]),
      'mergedKernel.weight': weight,
      'mergedKernel.bias': bias,
    };
  };
  const apart: Network = (p, x) => {
    const y = referenceInception(own(p), 'block', kernels, tf.transpose(x, [0, 2, 3, 1]));
    return { y: tf.transpose(y, [0, 3, 1, 2]) };
  };
  return agreeing(c, await run(compiled, c, folded), await run(eager, c, apart));
}

function staticBlock(c: TimesnetCase): Promise<Computed> {
  const candidates = (c.config.candidates ?? []).map(({ period }) => period);
  const settings = { kernels: size(c, 'numKernels'), periods: size(c, 'topK') };
  return run(compiled, c, (p, x) => {
    const selection = selectPeriods(x, candidates, settings.periods);
    const { amplitude, chosen, weights } = selection;
    const asRow = tf.reshape(weights, [-1, 1, settings.periods]);
    return {
      y: timesBlock(settings, p, x, candidates),
      amplitude,
      mask: tf.sum(chosen, 1),
      weights: tf.squeeze(tf.matMul(asRow, chosen), [1]),
    };
  });
}

function batchBlock(c: TimesnetCase): Promise<Computed> {
  const options = { kernels: size(c, 'numKernels'), periods: size(c, 'topK') };
  return run(eager, c, (p, x) => {
    const { periods, weights } = referenceSpectrum(x, options.periods);
    return { y: referenceBlock(options, p, x), weights, period: tf.tensor1d([...periods]) };
  });
}

function embedding(c: TimesnetCase): Promise<Computed> {
  return run(compiled, c, (p, x) => ({
    y: embed(x, p('value_embedding.tokenConv.weight')),
    position: positions(x.shape[1]!, size(c, 'dModel')),
  }));
}

function forecaster(c: TimesnetCase): Promise<Computed> {
  const options = {
    kernels: size(c, 'numKernels'),
    periods: size(c, 'topK'),
    blocks: size(c, 'layers'),
    epsilon: size(c, 'instanceNormEps'),
  };
  return run(eager, c, (p, x) => ({ y: referenceForecaster(options, p, x) }));
}

/** Two ways to the same numbers: the first, once the second has been found right as well. */
function agreeing(c: TimesnetCase, first: Computed, second: Computed): Computed {
  const known = expectedOf(c).filter(([path]) => second.single.has(path));
  const difference = firstDifference(second, known, toleranceOf);
  if (difference !== undefined) throw new Error(`the reference's form: ${difference}`);
  return first;
}

/** What src computes for a case, by the paths of `expectedOf`. */
export function computeTimesnet(c: TimesnetCase): Promise<Computed> {
  switch (c.kind) {
    case 'fft':
      return fft(c);
    case 'inception':
      return inceptionCase(c);
    case 'timesblock':
      if (c.selection === 'static-per-sample') return staticBlock(c);
      if (c.selection === 'batch') return batchBlock(c);
      throw new Error(`unknown selection "${String(c.selection)}"`);
    case 'embedding':
      return embedding(c);
    case 'forecast-model':
      return forecaster(c);
    default:
      throw new Error(`unknown kind "${c.kind}"`);
  }
}

/** Every expected number of a case. */
export function expectedOf(c: TimesnetCase): [string, number[]][] {
  return [
    ...numbersIn(c.outputs, ''),
    ...numbersIn(c.grads, 'grads'),
    ...numbersIn(c.mergedKernel, 'mergedKernel'),
  ];
}

const OUTPUTS: Tolerance = { atol: 2e-5, rtol: 2e-4 };
const GRADIENTS: Tolerance = { atol: 2e-4, rtol: 1e-3 };

const toleranceOf = (path: string): Tolerance => (path.startsWith('grads.') ? GRADIENTS : OUTPUTS);

export function checkTimesnet(
  c: TimesnetCase,
  computed: Computed,
  expected = expectedOf(c),
): string | undefined {
  if (expected.length === 0) return 'nothing to compare';
  return firstDifference(computed, expected, toleranceOf);
}

export function runTimesnetCase(c: TimesnetCase): Promise<CaseResult> {
  return runAsyncCase(c.name, c.kind, async () => checkTimesnet(c, await computeTimesnet(c)));
}
