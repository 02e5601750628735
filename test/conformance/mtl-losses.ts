import { createWeighting, type Weighting } from '../../src/trainer/index.ts';
import { famoGradient } from '../../src/trainer/weighting/famo.ts';
import { logScaleGradient } from '../../src/trainer/weighting/imtl-scales.ts';
import { randomWeights } from '../../src/trainer/weighting/rlw.ts';
import { uncertaintyGradient } from '../../src/trainer/weighting/uw.ts';
import {
  floats,
  type MtlHyper,
  type MtlInput,
  type MtlMethod,
  noRandom as random,
  optimiserOf,
  type Outputs,
  products,
  renamed,
  stateOf,
  weighted,
} from './mtl-inputs.ts';

function lossesOnly(weighting: Weighting): (input: MtlInput) => Outputs {
  return ({ grads, losses }) =>
    weighted(grads, weighting.step({ losses: floats(losses), random }).weights);
}

/** The losses are told first: what the reference pushes before it weighs, this method has seen. */
function dwaWindow(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  // The mean of w_k L_k is a figure for the log there; weights and direction do not depend on it.
  if (hyper['lossReduction'] !== 'mean') throw new Error('lossReduction: must be mean');
  const weighting = createWeighting('dwa', tasks, {
    variant: 'window',
    start: 'ones',
    lossFloor: 0,
    ...renamed(hyper, { T: 'T', iterationWindow: 'window' }),
  });
  let fresh = true;
  return ({ grads, losses }) => {
    if (fresh) weighting.step({ random });
    fresh = false;
    weighting.observe!({ losses: floats(losses) });
    return weighted(grads, weighting.step({ random }).weights);
  };
}

function dwaEpoch(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const weighting = createWeighting('dwa', tasks, { lossFloor: 0, ...renamed(hyper, { T: 'T' }) });
  return ({ grads, epoch, epochMeanLossAfter }) => {
    const { weights } = weighting.step({ epoch: epoch!, random });
    weighting.observe!({ losses: floats(epochMeanLossAfter), epoch: epoch! });
    return weighted(grads, weights);
  };
}

function uw(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const weighting = createWeighting('uw', tasks, {
    ...renamed(hyper, { init: 'init' }),
    ...optimiserOf(hyper),
  });
  return ({ grads, losses }) => {
    const loss = floats(losses);
    const { weights } = weighting.step({ random });
    const logVar = floats(stateOf(weighting)['logVariance'] as number[]);
    weighting.observe!({ losses: loss });
    return {
      ...weighted(grads, weights),
      loss: loss.reduce((sum, l, k) => sum + l * weights[k]! + logVar[k]! / 2, 0),
      logVar,
      logVarGrad: uncertaintyGradient(loss, logVar),
      logVarAfter: stateOf(weighting)['logVariance'],
    };
  };
}

function famo(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const weighting = createWeighting('famo', tasks, {
    ...optimiserOf(hyper, 'none'),
    ...renamed(hyper, { gamma: 'gamma', wLr: 'lr', eps: 'eps', minLosses: 'lossFloor' }),
  });
  return ({ grads, losses, newLosses }) => {
    const { weights, diagnostics } = weighting.step({ losses: floats(losses), random });
    weighting.observe!({ losses: floats(losses), newLosses: floats(newLosses) });
    return {
      ...weighted(grads, weights),
      ...diagnostics,
      logitsGrad: famoGradient(
        floats(diagnostics['z'] as number[]),
        { before: floats(losses), after: floats(newLosses) },
        floats(hyper['minLosses'] as number[]),
        hyper.eps!,
      ),
      logitsAfter: stateOf(weighting)['logits'],
    };
  };
}

function imtl(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const weighting = createWeighting('imtl', tasks, optimiserOf(hyper));
  return ({ grads = [], losses }) => {
    const { weights, diagnostics } = weighting.step({ gram: products(grads, grads), random });
    const logScale = floats(diagnostics['logScale'] as number[]);
    weighting.observe!({ losses: floats(losses) });
    return {
      ...weighted(grads, weights),
      gWeights: diagnostics['gWeights'],
      logScale,
      logScaleGrad: logScaleGradient(floats(losses), logScale),
      logScaleAfter: stateOf(weighting)['logScale'],
    };
  };
}

/** Methods that learn from losses alone, and IMTL. */
export const LOSS_METHODS: Readonly<Record<string, MtlMethod>> = {
  stl: (tasks, hyper) =>
    lossesOnly(createWeighting('stl', tasks, renamed(hyper, { mainTask: 'mainTask' }))),
  ew: (tasks, { reduction }) =>
    lossesOnly(
      createWeighting('vanilla', tasks, { totalWeight: reduction === 'mean' ? 'one' : 'K' }),
    ),
  dwa: (tasks, hyper, variant) =>
    variant === 'window' ? dwaWindow(tasks, hyper) : dwaEpoch(tasks, hyper),
  uw,
  rlw:
    (tasks) =>
    ({ grads, z }) =>
      weighted(
        grads,
        randomWeights(
          floats(z),
          Array.from({ length: tasks }, () => true),
        ),
      ),
  famo,
  imtl,
};
