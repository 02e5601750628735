import { createWeighting } from '../../src/trainer/index.ts';
import { dropConflicts, isKept, signPurity } from '../../src/trainer/weighting/graddrop.ts';
import { dropInRepresentation } from './graddrop-representation.ts';
import {
  floats,
  type MtlHyper,
  type MtlInput,
  noRandom as random,
  type MtlMethod,
  optimiserOf,
  type Outputs,
  products,
  renamed,
  stateOf,
  weighted,
} from './mtl-inputs.ts';

function gradnorm(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const weighting = createWeighting('gradnorm', tasks, {
    ...optimiserOf(hyper),
    ...renamed(hyper, { alpha: 'alpha', scaleInit: 'scaleInit' }),
    lossFloor: 0,
  });
  let fresh = true;
  return ({ grads = [], losses, epoch = 0, firstEpochMeanLosses }) => {
    const input = { losses: floats(losses), gram: products(grads, grads), random };
    if (fresh) {
      // The mean losses of epoch 0 stand for its batches.
      weighting.step({ ...input, epoch: 0 });
      weighting.observe!({ losses: floats(firstEpochMeanLosses), epoch: 0 });
      fresh = false;
    }
    const scale = stateOf(weighting)['scale'];
    const { weights, diagnostics } = weighting.step({ ...input, epoch });
    return {
      ...weighted(grads, weights),
      scale,
      scaleGrad: diagnostics['scaleGradient'] ?? null,
      scaleAfter: stateOf(weighting)['scale'],
    };
  };
}

function graddrop(
  _tasks: number,
  { leak, eps }: MtlHyper,
  variant: string,
): (input: MtlInput) => Outputs {
  const options = { leak: leak as number, eps: eps! };
  if (variant === 'rep')
    return ({ rep = [], repGrads = [], u = [] }) => ({
      repGradient: dropInRepresentation(rep, repGrads, u, options),
    });
  return ({ grads = [], u = [] }) => {
    const purity = u.map((_, p) =>
      signPurity(
        grads.map((g) => g[p]!),
        options.eps,
      ),
    );
    return {
      signPurity: purity,
      mask: grads.map((g) => g.map((x, p) => (isKept(x, purity[p]!, u[p]!) ? 1 : 0))),
      direction: dropConflicts(grads.map(floats), (p) => u[p]!, options),
    };
  };
}

function moco(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const { beta, betaSigma, gamma, gammaSigma, rho, eps } = hyper;
  const options = { beta, betaSigma, gamma, gammaSigma, rho, eps, lossFloor: 0 };
  const weighting = createWeighting('moco', tasks, options);
  return ({ grads = [], losses }) => {
    const shared = grads.map(floats);
    const { direction, diagnostics } = weighting.step({
      losses: floats(losses),
      gradients: { shared, tensorSizes: [grads[0]!.length] },
      random,
    });
    const tracker = (stateOf(weighting)['tracker'] as string[]).map(
      (text) => new Float64Array(new Uint8Array(Buffer.from(text, 'base64')).buffer),
    );
    return { lambda_: diagnostics['lambda'], direction, tracker };
  };
}

function modo(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const weighting = createWeighting('modo', tasks, renamed(hyper, { gamma: 'gamma', rho: 'rho' }));
  return ({ gradsA = [], gradsB = [], gradsC }) =>
    weighted(gradsC, weighting.step({ crossGram: products(gradsA, gradsB), random }).weights);
}

function sdmgrad(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const { lambda_: lambda, niter, innerLr, innerMomentum, eps } = hyper;
  const options = { lambda, niter, innerLr, innerMomentum, eps };
  const weighting = createWeighting('sdmgrad', tasks, options);
  return ({ gradsXi1 = [], gradsXi2 = [], gradsZeta }) => {
    const crossGram = products(gradsXi1, gradsXi2);
    const { weights, diagnostics } = weighting.step({ crossGram, random });
    return { ...weighted(gradsZeta, weights), ...diagnostics };
  };
}

function metabalance(tasks: number, hyper: MtlHyper): (input: MtlInput) => Outputs {
  const options = renamed(hyper, { relax: 'relax', beta: 'beta' });
  const weighting = createWeighting('metabalance', tasks, options);
  return ({ grads = [] }) => {
    const { direction } = weighting.step({
      gradients: { shared: grads.map(floats), tensorSizes: hyper['tensorSizes'] as number[] },
      random,
    });
    return { direction, emaNorms: stateOf(weighting)['norms'] };
  };
}

/** Methods that look at the training gradients. */
export const GRADIENT_METHODS: Readonly<Record<string, MtlMethod>> = {
  gradnorm,
  graddrop,
  moco,
  modo,
  sdmgrad,
  metabalance,
};
