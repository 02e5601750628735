import { createWeighting, headWeights, type Weighting } from '../../src/trainer/index.ts';
import type { WeightingOutput } from '../../src/trainer/weighting/method.ts';
import {
  direction,
  dot,
  floats,
  type MtlHyper,
  type MtlInput,
  type MtlMethod,
  noRandom as random,
  type Outputs,
  products,
  renamed,
  stateOf,
  weighted,
} from './mtl-inputs.ts';

/** What the trainer hands to VAMO, from raw gradients: inner products in scope and metric. */
function vamo(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const secondMoment = hyper['secondMoment'] as readonly number[] | undefined;
  const { adamEps = 0, eta = 0, sharedCount = Infinity } = hyper as Record<string, number>;
  const options = ['lambda', 'normalise', 'ema', 'scope', 'smoothing', 'nullTask'];
  const weighting = createWeighting('vamo', tasks, {
    preset: 'paper',
    ...renamed(hyper, Object.fromEntries(options.map((name) => [name, name]))),
    ...renamed(hyper, { headPolicy: 'headPolicy', headScale: 'headScale' }),
    ...(secondMoment && { metric: 'adam' }),
  });
  const inScope = weighting.scope === 'shared' ? sharedCount : Infinity;
  const inner = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((total, x, p) => {
      if (p >= inScope) return total;
      return total + (x * b[p]!) / (secondMoment ? Math.sqrt(secondMoment[p]!) + adamEps : 1);
    }, 0);
  return ({ grads = [], losses, valGrad, valGradsPerTask = [] }) => {
    const validation =
      valGrad ?? direction(valGradsPerTask, new Float64Array(tasks).fill(1 / tasks));
    const { weights, diagnostics } = weighting.step({
      losses: floats(losses),
      gram: floats(grads.flatMap((a) => grads.map((b) => inner(a, b)))),
      gains: floats(grads.map((g) => inner(validation, g))),
      validationNormSquared: inner(validation, validation),
      learningRate: eta,
      random,
    });
    const heads = headWeights(weighting, weights);
    return {
      ...diagnostics,
      marginalGains: diagnostics['gains'],
      weights,
      direction: direction(grads, weights, heads, sharedCount),
    };
  };
}

/** A step on the Gram matrix and the gains of raw gradients. */
function judged(weighting: Weighting, { grads = [], valGrad }: MtlInput): WeightingOutput {
  return weighting.step({
    gram: products(grads, grads),
    ...(valGrad && {
      gains: products([valGrad], grads),
      validationNormSquared: dot(valGrad, valGrad),
    }),
    random,
  });
}

function gcs(tasks: number, hyper: MtlHyper, variant: string): (input: MtlInput) => Outputs {
  const weighting = createWeighting('gcs', tasks, {
    variant,
    ...renamed(hyper, { mainTask: 'mainTask' }),
  });
  return (input) => {
    const { weights, diagnostics } = judged(weighting, input);
    return { ...weighted(input.grads, weights), ...diagnostics };
  };
}

function olaux(tasks: number, hyper: MtlHyper, variant: string): (input: MtlInput) => Outputs {
  const options = renamed(hyper, { beta: 'beta', window: 'window' });
  const weighting = createWeighting('olaux', tasks, { variant, clamp: false, ...options });
  return (input) => ({
    ...weighted(input.grads, judged(weighting, input).weights),
    weightsAfter: stateOf(weighting)['weights'],
  });
}

function doge(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const { lr, mu, smoothing, dwMin, dwMax, normEps } = hyper;
  const options = { lr, mu, smoothing, dwMin, dwMax, normEps };
  const weighting = createWeighting('doge', tasks, options);
  return (input) => {
    const { weights, diagnostics } = judged(weighting, input);
    return { ...weighted(input.grads, weights), ...diagnostics };
  };
}

function l2rw(tasks: number): (input: MtlInput) => Outputs {
  const weighting = createWeighting('l2rw', tasks);
  return (input) => weighted(input.grads, judged(weighting, input).weights);
}

function lookahead(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const weighting = createWeighting('lookahead', tasks, {
    ...renamed(hyper, { temperature: 'temperature' }),
    lossFloor: 0,
  });
  return ({ valLossBefore, valLossAfter = [] }) => {
    const seen = { before: floats(valLossBefore), after: floats(valLossAfter.flat()) };
    const { weights, diagnostics } = weighting.step({ lookahead: seen, random });
    const matrix = diagnostics['affinity'] as number[];
    return {
      weights,
      affinity: valLossAfter.map((_, i) => matrix.slice(i * tasks, (i + 1) * tasks)),
    };
  };
}

/** The series as the trainer makes it: one Hessian product a power. */
function neumann(
  v: readonly number[],
  hessian: readonly (readonly number[])[],
  { rate, terms }: { readonly rate: number; readonly terms: number },
): number[] {
  let power = [...v];
  let sum = [...v];
  for (let i = 0; i < terms; i++) {
    const product = hessian.map((row) => dot(row, power));
    power = power.map((x, p) => x - rate * product[p]!);
    sum = sum.map((x, p) => x + power[p]!);
  }
  return sum;
}

function auxilearn(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const options = renamed(hyper, { lr: 'rate', truncate: 'truncate' });
  const weighting = createWeighting('auxilearn', tasks, options);
  return ({ taskGrads = [], valGrad = [], trainHessian = [] }) => {
    const series = neumann(valGrad, trainHessian, weighting.neumann!);
    return weighting.step({ hyperGains: products([series], taskGrads), random }).diagnostics;
  };
}

/**
 * The files give the gradient of the summed held-out loss, the trainer that of its mean. Only tasks
 * that are `primary` (null = all) enter that sum; the gradient that is given has them in it.
 */
function autolambda(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const primary = (hyper['primary'] ?? []) as readonly number[];
  if (primary.some((k) => !(k >= 0 && k < tasks))) throw new Error('primary: no such task');
  const weighting = createWeighting('autolambda', tasks, renamed(hyper, { lr: 'stepRate' }));
  return ({ taskGrads = [], valGradAfterVirtualStep = [] }) => {
    const virtualGains = products([valGradAfterVirtualStep], taskGrads).map((m) => m / tasks);
    return weighting.step({ virtualGains, random }).diagnostics;
  };
}

/** Methods that look at the held-out day. */
export const VALIDATION_METHODS: Readonly<Record<string, MtlMethod>> = {
  vamo,
  gcs,
  olaux,
  l2rw,
  doge,
  lookahead,
  auxilearn,
  autolambda,
};
