import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/core/index.ts';
import {
  createWeighting,
  headWeights,
  type Weighting,
  type WeightingInput,
} from '../../../src/trainer/weighting/index.ts';
import { dropConflicts, signPurity } from '../../../src/trainer/weighting/graddrop.ts';
import { gramOf, syntheticInput } from '../../helpers/weighting-inputs.ts';

const random = seededRandom(1);
const losses = (...x: number[]): Float64Array => Float64Array.from(x);
const weights = (weighting: Weighting, input: Partial<WeightingInput> = {}): number[] => [
  ...weighting.step({ random, ...input }).weights,
];
const ratioOf = ([a = 0, b = 0]: readonly number[]): number => a / b;

describe('dwa', () => {
  it('waits for two whole epochs, then favours the task whose loss falls more slowly', () => {
    const dwa = createWeighting('dwa', 2);
    const epochOf = (epoch: number, ...batches: Float64Array[]): number[] => {
      const used = batches.map((batch) => {
        const found = weights(dwa, { epoch });
        dwa.observe!({ losses: batch, epoch });
        return found;
      });
      expect(new Set(used.map((w) => w.join())).size).toBe(1); // constant inside an epoch
      return used[0]!;
    };
    expect(epochOf(0, losses(4, 4), losses(2, 2))).toEqual([1, 1]);
    expect(epochOf(1, losses(3, 1), losses(3, 2))).toEqual([1, 1]);
    // Means 3 -> 3 and 3 -> 1.5.
    expect(ratioOf(epochOf(2, losses(1, 1)))).toBeCloseTo(Math.exp((1 - 0.5) / 2), 12);
  });

  it('window: waits for 2n losses of its own, free of the ones it could start with', () => {
    const dwa = createWeighting('dwa', 2, { variant: 'window', window: 2, T: 1 });
    for (const row of [losses(4, 4), losses(4, 4), losses(4, 2), losses(4, 2)]) {
      expect(weights(dwa)).toEqual([1, 1]);
      dwa.observe!({ losses: row });
    }
    expect(ratioOf(weights(dwa))).toBeCloseTo(Math.exp(1 - 0.5), 12);
  });

  it('refuses to guess the epoch', () => {
    expect(() => weights(createWeighting('dwa', 2))).toThrow('dwa: the epoch is missing');
  });
});

describe('uw', () => {
  it('learns w = 1 / (2 L): the variance that a loss is of', () => {
    const uw = createWeighting('uw', 2);
    for (let i = 0; i < 3000; i++) {
      uw.step({ random });
      uw.observe!({ losses: losses(4, 0.25) });
    }
    const [a, b] = weights(uw);
    expect(a).toBeCloseTo(1 / 8, 3);
    expect(b).toBeCloseTo(2, 2);
  });

  it('stays finite where negative losses would drive it away', () => {
    const uw = createWeighting('uw', 1, { limit: 2, lr: 1 });
    for (let i = 0; i < 50; i++) {
      uw.step({ random });
      uw.observe!({ losses: losses(-1) });
    }
    expect(weights(uw)[0]).toBeCloseTo(0.5 * Math.exp(2), 12);
  });
});

describe('rlw', () => {
  it('draws anew each step, weights of total 1, sharper with a larger scale', () => {
    const top = (options: Record<string, unknown>): number => {
      const rlw = createWeighting('rlw', 3, options);
      const source = seededRandom(4);
      const tops = Array.from({ length: 400 }, () => {
        const { weights: w } = rlw.step({ random: source });
        expect(w.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
        return Math.max(...w);
      });
      expect(new Set(tops).size).toBe(options['scale'] === 0 ? 1 : 400);
      return tops.reduce((a, b) => a + b, 0) / 400;
    };
    // Standard normal draws, K = 3: 0.60 is also what VAMO gives on pure noise of size lambda.
    expect(top({})).toBeGreaterThan(0.55);
    expect(top({})).toBeLessThan(0.65);
    expect(top({ scale: 5 })).toBeGreaterThan(0.8);
    expect(top({ scale: 0 })).toBeCloseTo(1 / 3, 12);
  });
});

describe('famo', () => {
  const step = (famo: Weighting, before: Float64Array, after: Float64Array): number[] => {
    const found = weights(famo, { losses: before });
    famo.observe!({ losses: before, newLosses: after });
    return found;
  };

  it('gives more weight to the task whose log loss fell less', () => {
    const famo = createWeighting('famo', 2);
    for (let i = 0; i < 10; i++) step(famo, losses(1, 1), losses(0.99, 0.8));
    const [slow, fast] = weights(famo, { losses: losses(1, 1) });
    expect(slow).toBeGreaterThan(fast!);
  });

  it('takes negative losses against a floor that follows the lowest one seen', () => {
    const famo = createWeighting('famo', 2);
    expect(step(famo, losses(1, 1), losses(1, -2))).toEqual([0.5, 0.5]);
    // Floors 0 and -3: distances 1 and 2.
    expect(ratioOf(weights(famo, { losses: losses(1, -1) }))).toBeGreaterThan(1.5);
    expect(weights(famo, { losses: losses(-7, -9) }).every(Number.isFinite)).toBe(true);
  });

  it('refuses a loss below a floor that was given', () => {
    const famo = createWeighting('famo', 2, { lossFloor: [0, -1] });
    expect(() => weights(famo, { losses: losses(1, -2) })).toThrow(
      'losses[1]: -2 is below lossFloor (-1)',
    );
  });
});

describe('gradnorm', () => {
  it('draws weighted gradient norms together', () => {
    const gradnorm = createWeighting('gradnorm', 2, { lr: 0.01 });
    const gram = Float64Array.of(9, 0, 0, 1);
    const input = { losses: losses(1, 1), gram };
    expect(weights(gradnorm, { ...input, epoch: 0 })).toEqual([1, 1]);
    gradnorm.observe!({ losses: losses(1, 1), epoch: 0 });
    for (let i = 0; i < 300; i++) weights(gradnorm, { ...input, epoch: 1 });
    // 3 w_1 = w_2 with w_1 + w_2 = 2.
    const [a, b] = weights(gradnorm, { ...input, epoch: 1 });
    expect(a).toBeCloseTo(0.5, 1);
    expect(b).toBeCloseTo(1.5, 1);
  });
});

describe('imtl', () => {
  it('L brings every scaled loss to 1', () => {
    const imtll = createWeighting('imtll', 2);
    for (let i = 0; i < 2000; i++) {
      imtll.step({ random });
      imtll.observe!({ losses: losses(4, 0.5) });
    }
    const [a, b] = weights(imtll);
    expect(a).toBeCloseTo(0.25, 3);
    expect(b).toBeCloseTo(2, 2);
  });

  it('L and G: the direction has equal projections on the task gradients, heads get the scales', () => {
    const imtl = createWeighting('imtl', 2);
    const rows = [Float64Array.of(1, 2, 0), Float64Array.of(-1, 0.5, 3)];
    const gram = gramOf(rows);
    for (let i = 0; i < 40; i++) {
      imtl.step({ gram, random });
      imtl.observe!({ losses: losses(3, 0.5) });
    }
    const found = imtl.step({ gram, random }).weights;
    const onTask = (k: number): number =>
      (found[0]! * gram[k]! + found[1]! * gram[2 + k]!) / Math.sqrt(gram[3 * k]!);
    expect(onTask(0)).toBeCloseTo(onTask(1), 12);
    const [a, b] = headWeights(imtl, found);
    expect(a).toBeLessThan(0.6);
    expect(b).toBeGreaterThan(1.4);
  });
});

describe('graddrop', () => {
  it('keeps agreeing gradients whole and one sign of the others, in proportion', () => {
    const graddrop = createWeighting('graddrop', 2);
    const size = 20_000;
    const rows = [new Float64Array(size).fill(3), new Float64Array(size).fill(-1)];
    const gradients = { shared: rows, tensorSizes: [size] };
    const { direction } = graddrop.step({ gradients, random: seededRandom(2) });
    const kept = Array.from(direction!);
    expect(new Set(kept)).toEqual(new Set([3, -1]));
    // Purity (1 + 2/4) / 2.
    expect(kept.filter((x) => x > 0).length / size).toBeCloseTo(0.75, 2);
    const agreeing = { shared: [rows[0]!, rows[0]!], tensorSizes: [size] };
    const all = graddrop.step({ gradients: agreeing, random: seededRandom(2) }).direction!;
    expect(new Set(all)).toEqual(new Set([6]));
  });

  it('keeps nothing where the draw equals the purity', () => {
    const rows = [Float64Array.of(3), Float64Array.of(-1)];
    const even = signPurity([3, -1], 1e-8);
    const at = (u: number): number[] => [...dropConflicts(rows, () => u, { leak: 0, eps: 1e-8 })];
    expect([at(even - 0.1), at(even), at(even + 0.1)]).toEqual([[3], [0], [-1]]);
  });
});

describe('moco', () => {
  const rows = [Float64Array.of(1, 0), Float64Array.of(0, 4)];
  const run = (options: Record<string, unknown>): number[] => {
    const moco = createWeighting('moco', 2, options);
    const input = {
      losses: losses(1, 1),
      gradients: { shared: rows, tensorSizes: [2] },
    };
    for (let i = 0; i < 400; i++) moco.step({ ...input, losses: losses(1, 3), random });
    return weights(moco, { ...input, losses: losses(1, 3) });
  };

  it('projected on the simplex goes to the least norm; by softmax it stays near 1/K', () => {
    // Rows of lengths 1 and 3 (gradients of norm 1 times the loss), orthogonal: w in 9 : 1.
    expect(ratioOf(run({ projection: 'simplex', beta: 1, gammaSigma: 0 }))).toBeCloseTo(9, 1);
    const [a, b] = run({});
    expect(Math.abs(a! - b!)).toBeLessThan(0.05);
  });
});

describe('modo and sdmgrad', () => {
  const crossGram = Float64Array.of(1, 0, 0, 4);

  it('go to the least-norm weights of unbiased products', () => {
    const modo = createWeighting('modo', 2, { gamma: 0.05, rho: 0 });
    for (let i = 0; i < 2000; i++) modo.step({ crossGram, random });
    expect(weights(modo, { crossGram })[0]).toBeCloseTo(0.8, 6);
    const sdmgrad = createWeighting('sdmgrad', 2, { lambda: 0, innerLr: 0.1 });
    for (let i = 0; i < 100; i++) sdmgrad.step({ crossGram, random });
    expect(weights(sdmgrad, { crossGram })[0]).toBeCloseTo(0.8, 6);
  });

  it('read the Gram matrix by rows: second batch first', () => {
    const modo = createWeighting('modo', 2, { gamma: 0.1, rho: 0 });
    // M = [[0, 1], [0, 0]]: the first task's slope is lambda_2, the second's 0.
    const [a, b] = weights(modo, { crossGram: Float64Array.of(0, 1, 0, 0) });
    expect(a).toBeCloseTo(0.475, 12);
    expect(b).toBeCloseTo(0.525, 12);
  });

  it('a strong pull makes sdmgrad the mean', () => {
    const sdmgrad = createWeighting('sdmgrad', 2, { lambda: 1e9 });
    for (const w of weights(sdmgrad, { crossGram })) expect(w).toBeCloseTo(0.5, 6);
  });
});

describe('metabalance', () => {
  it('draws norms to the target’s on every tensor', () => {
    const metabalance = createWeighting('metabalance', 2, { relax: 1, beta: 0 });
    const shared = [Float64Array.of(3, 4, 1), Float64Array.of(0, 10, -8)];
    const { direction } = metabalance.step({
      gradients: { shared, tensorSizes: [2, 1] },
      random,
    });
    // Norms 5 and 10 on the first tensor, 1 and 8 on the second.
    [3, 4 + 5, 1 - 1].forEach((x, p) => expect(direction![p]).toBeCloseTo(x, 12));
  });
});

describe('methods judged by the held-out day', () => {
  const gram = Float64Array.of(4, 0, 0, 1);
  const judged = { gram, gains: Float64Array.of(2, -1), validationNormSquared: 4 };

  it('gcs takes the positive part of the cosine; unweighted leaves out an orthogonal task', () => {
    expect(weights(createWeighting('gcs', 2), judged)).toEqual([0.5, 0]);
    const plain = createWeighting('gcs', 2, { variant: 'unweighted', mainTask: 1 });
    expect(weights(plain, { gram })).toEqual([0, 1]);
  });

  it('olaux adds up agreement over its window and stays at or above 0', () => {
    const olaux = createWeighting('olaux', 2, { window: 2, beta: 2 });
    const seen = Array.from({ length: 3 }, () => weights(olaux, judged));
    // Cosines 0.5 and -0.5, summed over two steps, times 2.
    expect(seen).toEqual([
      [1, 1],
      [1, 1],
      [3, 0],
    ]);
  });

  it('l2rw stands still where every task conflicts', () => {
    const l2rw = createWeighting('l2rw', 2);
    expect(weights(l2rw, { ...judged, gains: Float64Array.of(-2, -1) })).toEqual([0, 0]);
    expect(weights(l2rw, judged)).toEqual([1, 0]);
    expect(weights(l2rw, { ...judged, gains: Float64Array.of(1e-300, 3e-300) })[1]).toBeCloseTo(
      0.75,
      2,
    );
  });

  it('doge adds evidence up, at the learning rate of the step', () => {
    const doge = createWeighting('doge', 2, { mu: 1 });
    const input = { ...judged, learningRate: 0.3 };
    for (let i = 0; i < 5; i++) weights(doge, input);
    const score = (0.3 * 2) / (1.5 + 1e-6);
    expect(ratioOf(weights(doge, input))).toBeCloseTo(Math.exp(6 * score), 9);
    expect(() => weights(doge, judged)).toThrow('doge.lr: null, and the step has no learning rate');
  });

  it('lookahead favours the step that lowers the held-out losses', () => {
    const lookahead = createWeighting('lookahead', 2, { temperature: 0.1 });
    const seen = { before: losses(1, 2), after: Float64Array.of(0.9, 2, 1, 2.2) };
    // Mean affinities 0.05 and -0.05.
    expect(ratioOf(weights(lookahead, { lookahead: seen }))).toBeCloseTo(Math.exp(1), 12);
  });

  it('lookahead measures from a floor below every held-out loss, also where these pass 0 first', () => {
    const lookahead = createWeighting('lookahead', 2, { temperature: 1 });
    const seen = { before: losses(-0.001, 2), after: Float64Array.of(-0.101, 2, -0.001, 1.8) };
    const input = { losses: losses(3, 3), lookahead: seen, random };
    const { weights: w, diagnostics } = lookahead.step(input);
    // The floor lies 1 below the lowest: affinities 0.1 / 1.1 and 0.2 / 2, halved by the other task.
    const affinity = diagnostics['affinity'] as number[];
    [0.1 / 1.1, 0, 0, 0.1].forEach((z, i) => expect(affinity[i]).toBeCloseTo(z, 12));
    expect(w[0]! / w[1]!).toBeCloseTo(Math.exp(0.05 / 1.1 - 0.05), 12);
    expect((lookahead.save()['lowest'] as number[])[0]).toBe(-0.101);
    const given = createWeighting('lookahead', 2, { lossFloor: 0 });
    expect(() => given.step(input)).toThrow('lookahead.before[0]: -0.001 is below lossFloor (0)');
    const later = { ...seen, before: losses(0.001, 2) };
    expect(() => given.step({ ...input, lookahead: later })).toThrow(
      'lookahead.after[0]: -0.101 is below lossFloor (0)',
    );
  });

  it('a loss that is no number is refused and leaves the floor as it was', () => {
    const lookahead = createWeighting('lookahead', 2);
    const seen = { before: losses(1, 2), after: losses(1, 2, 1, 2) };
    lookahead.step({ lookahead: seen, random });
    const saved = JSON.stringify(lookahead.save());
    const broken = { ...seen, before: losses(1, NaN) };
    expect(() => lookahead.step({ lookahead: broken, random })).toThrow('lookahead.before[1]: NaN');
    expect(JSON.stringify(lookahead.save())).toBe(saved);
  });

  it('auxilearn and autolambda raise the weight of a task that helps, not below 0', () => {
    const input = syntheticInput(2);
    const gains = Float64Array.of(1, -1);
    for (const [name, options] of [
      ['auxilearn', { optimizer: 'sgd', lr: 0.4 }],
      ['autolambda', { optimizer: 'sgd', lr: 0.4, init: 0.5, stepRate: 0.5 }],
    ] as const) {
      const method = createWeighting(name, 2, options);
      expect([...method.current!()]).toEqual([0.5, 0.5]);
      const more = { ...input, hyperGains: gains, virtualGains: gains };
      // autolambda: eta K = 1.
      expect(weights(method, more).map((x) => Number(x.toFixed(12)))).toEqual([0.9, 0.1]);
      expect(weights(method, more)[1]).toBe(0);
    }
  });
});
