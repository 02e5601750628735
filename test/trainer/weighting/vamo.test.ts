import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isVamoError, seededRandom } from '../../../src/core/index.ts';
import {
  createWeighting,
  type Weighting,
  type WeightingInput,
  type WeightingOutput,
} from '../../../src/trainer/weighting/index.ts';

const random = seededRandom(1);
const total = (xs: Iterable<number>): number => [...xs].reduce((a, b) => a + b, 0);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);

/** An input from given gains; task gradients and validation gradient of norm 1. */
function input(gains: readonly number[], more: Partial<WeightingInput> = {}): WeightingInput {
  const K = gains.length;
  return {
    losses: new Float64Array(K).fill(1),
    gains: Float64Array.from(gains),
    gram: Float64Array.from({ length: K * K }, (_, i) => (i % (K + 1) === 0 ? 1 : 0)),
    validationNormSquared: 1,
    random,
    ...more,
  };
}

const paper = (K: number, options: Record<string, unknown> = {}): Weighting =>
  createWeighting('vamo', K, { preset: 'paper', ...options });
const plain = { warmupSteps: 0, lag: 0, smoothing: 0, ema: 0, normalise: 'none' };
const robust = (K: number, options: Record<string, unknown> = {}): Weighting =>
  createWeighting('vamo', K, { ...plain, ...options });
const weigh = (w: Weighting, gains: readonly number[]): number[] => [
  ...w.step(input(gains)).weights,
];

/** On a grid: differences are 0 or far from the smallest number a double holds. */
const gain = fc.integer({ min: -20_000, max: 20_000 }).map((x) => x / 1000);
const gains = fc.array(gain, { minLength: 1, maxLength: 6 });
const lambda = fc.double({ min: 0.01, max: 50, noNaN: true });

/** sum w m + lambda H(w), paper eq. 8. */
const objective = (w: readonly number[], m: readonly number[], lam: number): number =>
  dot(w, m) - lam * total(w.map((x) => (x > 0 ? x * Math.log(x) : 0)));

describe('VAMO as in the paper', () => {
  it('maximises eq. 8: no point of the simplex does better', () => {
    const point = fc.array(fc.double({ min: 1e-6, max: 1, noNaN: true }), {
      minLength: 6,
      maxLength: 6,
    });
    fc.assert(
      fc.property(gains, lambda, point, (m, lam, raw) => {
        const best = weigh(paper(m.length, { lambda: lam }), m);
        const used = raw.slice(0, m.length);
        const other = used.map((x) => x / total(used));
        const corner = m.map((_, k) => (k === 0 ? 1 : 0));
        for (const w of [other, corner])
          expect(objective(w, m, lam)).toBeLessThanOrEqual(objective(best, m, lam) + 1e-9);
      }),
    );
  });

  it('is within lambda log K of the best alignment (Lemma 1)', () => {
    fc.assert(
      fc.property(gains, lambda, (m, lam) => {
        const aligned = dot(weigh(paper(m.length, { lambda: lam }), m), m);
        expect(aligned).toBeGreaterThanOrEqual(Math.max(...m) - lam * Math.log(m.length) - 1e-9);
      }),
    );
  });

  it('gives weights on the simplex that do not change when all gains shift', () => {
    fc.assert(
      fc.property(gains, lambda, gain, (m, lam, shift) => {
        const w = weigh(paper(m.length, { lambda: lam }), m);
        expect(total(w)).toBeCloseTo(1, 12);
        expect(Math.min(...w)).toBeGreaterThanOrEqual(0);
        const moved = weigh(
          paper(m.length, { lambda: lam }),
          m.map((x) => x + shift),
        );
        moved.forEach((x, k) => expect(x).toBeCloseTo(w[k]!, 9));
      }),
    );
  });

  it('is exactly Vanilla at lambda infinity', () => {
    fc.assert(
      fc.property(gains, (m) => {
        const vanilla = weigh(createWeighting('vanilla', m.length), m);
        expect(weigh(paper(m.length, { lambda: Infinity }), m)).toEqual(vanilla);
        expect(weigh(paper(m.length, { lambda: 'Infinity' }), m)).toEqual(vanilla);
      }),
    );
  });

  it('is the hard maximum at lambda 0, shared by ties', () => {
    expect(weigh(paper(3, { lambda: 0 }), [1, 3, 2])).toEqual([0, 1, 0]);
    expect(weigh(paper(3, { lambda: 0 }), [3, 1, 3])).toEqual([0.5, 0, 0.5]);
    fc.assert(
      fc.property(gains, (m) => {
        const hard = weigh(paper(m.length, { lambda: 0 }), m);
        const near = weigh(paper(m.length, { lambda: 1e-300 }), m);
        near.forEach((x, k) => expect(x).toBeCloseTo(hard[k]!, 9));
      }),
    );
  });

  it('predicts -eta sum w m and the entropy of its weights', () => {
    const { weights, diagnostics } = paper(2).step(input([1, 1], { learningRate: 0.1 }));
    expect([...weights]).toEqual([0.5, 0.5]);
    expect(diagnostics['predictedValChange']).toBeCloseTo(-0.1, 12);
    expect(diagnostics['entropy']).toBeCloseTo(Math.log(2), 12);
    expect(paper(2).step(input([1, 1])).diagnostics).not.toHaveProperty('predictedValChange');
  });
});

describe('lambda in units of the running deviation', () => {
  it('makes the weights independent of the scale of the losses', () => {
    const steps = fc.array(fc.array(gain, { minLength: 3, maxLength: 3 }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(steps, fc.constantFrom(2 ** -20, 0.25, 1024), (run, scale) => {
        const a = robust(3);
        const b = robust(3);
        for (const m of run) {
          const w = weigh(a, m);
          // Powers of two scale without rounding.
          expect(
            weigh(
              b,
              m.map((x) => x * scale),
            ),
          ).toEqual(w);
        }
      }),
    );
  });

  it('is the deviation among the tasks at the first step', () => {
    const { diagnostics } = robust(2).step(input([1, 3]));
    expect(diagnostics['lambda']).toBeCloseTo(1, 12);
  });

  it('is the weighted deviation of all gains so far, older ones forgotten by sdDecay', () => {
    const rows = [
      [1, 4],
      [2, -3],
      [7, 0],
    ];
    const method = robust(2, { sdDecay: 0.5, lambda: 2 });
    let last: WeightingOutput | undefined;
    for (const row of rows) last = method.step(input(row));
    const weighted = rows.flatMap((row, i) => row.map((x) => [x, 0.5 ** (2 - i)] as const));
    const mass = total(weighted.map(([, w]) => w));
    const mu = total(weighted.map(([x, w]) => x * w)) / mass;
    const sd = Math.sqrt(total(weighted.map(([x, w]) => w * (x - mu) ** 2)) / mass);
    expect(last?.diagnostics['lambda']).toBeCloseTo(2 * sd, 10);
  });

  it('keeps noise from making the weights one-hot, where raw gains would', () => {
    const noise = seededRandom(5);
    const scaled = createWeighting('vamo', 3, { normalise: 'none', smoothing: 0 });
    const raw = paper(3);
    let [topScaled, topRaw] = [0, 0];
    for (let i = 0; i < 200; i++) {
      const m = [0, 0, 0].map(() => 50 * noise.normal());
      topScaled += Math.max(...weigh(scaled, m)) / 200;
      topRaw += Math.max(...weigh(raw, m)) / 200;
    }
    expect(topRaw).toBeGreaterThan(0.95);
    expect(topScaled).toBeLessThan(0.5);
  });

  it('gives equal weights while no gain has differed', () => {
    expect(weigh(robust(3), [2, 2, 2])).toEqual([1 / 3, 1 / 3, 1 / 3]);
    expect(weigh(robust(3, { lambda: 0 }), [0, 0, 0])).toEqual([1 / 3, 1 / 3, 1 / 3]);
  });
});

describe('VAMO options', () => {
  it('lag takes the weights from earlier scores, equal ones until there are any', () => {
    const now = paper(2);
    const late = paper(2, { lag: 2 });
    const run = [
      [1, 0],
      [0, 2],
      [5, 1],
      [0, 0],
    ];
    const direct = run.map((m) => weigh(now, m));
    const lagged = run.map((m) => weigh(late, m));
    expect(lagged).toEqual([[0.5, 0.5], [0.5, 0.5], direct[0], direct[1]]);
  });

  it('warmupSteps gives equal weights at the start and then the averaged score', () => {
    const method = paper(2, { warmupSteps: 2, ema: 0.5 });
    expect(weigh(method, [4, 0])).toEqual([0.5, 0.5]);
    expect(weigh(method, [4, 0])).toEqual([0.5, 0.5]);
    expect(weigh(method, [4, 0])[0]).toBeCloseTo(1 / (1 + Math.exp(-4)), 12);
  });

  it('smoothing keeps every task above eps / K', () => {
    fc.assert(
      fc.property(gains, (m) => {
        const w = weigh(paper(m.length, { smoothing: 0.3, lambda: 0.01 }), m);
        expect(Math.min(...w)).toBeGreaterThanOrEqual(0.3 / m.length - 1e-12);
        expect(total(w)).toBeCloseTo(1, 12);
      }),
    );
  });

  it('nullTask shrinks the step when every task conflicts', () => {
    expect(total(weigh(paper(2, { nullTask: true }), [-50, -50]))).toBeLessThan(1e-20);
    expect(total(weigh(paper(2, { nullTask: true }), [50, 50]))).toBeCloseTo(1, 12);
  });

  it('the robust preset is the recommended one, and its warm-up lasts as long as its average', () => {
    const method = createWeighting('vamo', 2);
    expect([method.scope, method.metric, method.validationEvery]).toEqual(['shared', 'adam', 4]);
    expect([method.headPolicy, method.validationSignal]).toEqual(['weighted', 'heldout']);
    const equalSteps = (options: Record<string, unknown>): number => {
      const w = createWeighting('vamo', 2, options);
      let steps = 0;
      while (steps < 500 && weigh(w, [1, 0])[0] === 0.5) steps++;
      return steps;
    };
    expect(equalSteps({})).toBe(20);
    expect(equalSteps({ ema: 0.99 })).toBe(100);
    // Without the running deviation lambda is 0.25, on cosines.
    const { diagnostics } = createWeighting('vamo', 2, { lambdaScale: 'none' }).step(input([1, 0]));
    expect(diagnostics['lambda']).toBe(0.25);
  });

  it('the paper preset is Algorithm 1: all parameters, plain inner product, v at every step', () => {
    const method = paper(2);
    expect([method.scope, method.metric, method.validationEvery]).toEqual(['all', 'euclid', 1]);
  });

  it('valEvery and signal are told to the learner', () => {
    const method = paper(2, { valEvery: 3 });
    expect([method.validationEvery, method.validationSignal]).toEqual([3, 'heldout']);
  });

  it('the batch’s own gradient is never kept: valEvery is 1, and another is refused', () => {
    for (const preset of ['paper', 'robust']) {
      const method = paper(2, { preset, signal: 'train' });
      expect([method.validationEvery, method.validationSignal]).toEqual([1, 'train']);
      expect(() => paper(2, { preset, signal: 'train', valEvery: 4 })).toThrow(
        'vamo.valEvery: 4; must be 1 with signal "train"',
      );
    }
  });

  it('perTaskClip bounds a gradient in the update and leaves its gain as it is', () => {
    const norms = Float64Array.of(4, 0.5);
    const { weights, diagnostics } = paper(2, { perTaskClip: 1 }).step(input([3, 3], { norms }));
    expect([...weights]).toEqual([0.5 / 4, 0.5]);
    expect(diagnostics['gains']).toEqual([3, 3]);
  });

  it('perTaskClip is blind to scope and metric: the Gram matrix of the preset has no say', () => {
    // Adam's metric makes squared norms of 1e4 out of gradients shorter than the limit.
    const seen = { gram: Float64Array.of(1e4, 0, 0, 1e4), norms: Float64Array.of(0.5, 2) };
    const { weights } = createWeighting('vamo', 2, { perTaskClip: 1 }).step(input([3, 3], seen));
    expect([...weights]).toEqual([0.5, 0.25]);
  });

  it('asks for gradient norms only where it divides by them or clips', () => {
    const needs = (options: Record<string, unknown>): string[] => [...paper(2, options).needs];
    expect(needs({})).toEqual(['validation']);
    expect(needs({ normalise: 'valnorm' })).toEqual(['validation']);
    expect(needs({ normalise: 'cosine' })).toEqual(['gram', 'validation']);
    expect(needs({ perTaskClip: 1 })).toEqual(['norms', 'validation']);
    expect(() => paper(2, { perTaskClip: 1 }).step(input([1, 0]))).toThrow('norms: no numbers');
    const { gram: _, ...without } = input([1, 0]);
    expect(paper(2).step(without).diagnostics).not.toHaveProperty('gradientNorms');
    expect(() => paper(2, { normalise: 'cosine' }).step(without)).toThrow('gram: no numbers');
  });

  it('logs what a null task would take, also when there is none', () => {
    const { diagnostics } = paper(2).step(input([-1, -1]));
    expect(diagnostics['nullWeight']).toBeCloseTo(1 / (1 + 2 * Math.exp(-1)), 12);
  });

  it('a normalised gain is 0 where a norm is 0', () => {
    for (const normalise of ['valnorm', 'cosine', 'meanabs']) {
      const zero = input([0, 0], { gram: new Float64Array(4), validationNormSquared: 0 });
      const { weights, diagnostics } = paper(2, { normalise }).step(zero);
      expect(diagnostics['score']).toEqual([0, 0]);
      expect([...weights]).toEqual([0.5, 0.5]);
    }
  });

  it('an absent task gets no weight and keeps its score', () => {
    for (const method of [paper(3, { ema: 0.9 }), robust(3, { ema: 0.9, lag: 1 })]) {
      const before = method.step(input([1, 2, 3])).diagnostics['score'] as number[];
      const { weights, diagnostics } = method.step(
        input([100, 2, 3], { present: [false, true, true] }),
      );
      expect(weights[0]).toBe(0);
      expect(total(weights)).toBeCloseTo(1, 12);
      expect((diagnostics['score'] as number[])[0]).toBeCloseTo(before[0]!, 12);
    }
  });

  it('no weight is NaN when every task is absent', () => {
    const present = [false, false];
    for (const method of [paper(2), robust(2), createWeighting('vamo', 2)])
      expect([...method.step(input([1, 2], { present })).weights]).toEqual([0, 0]);
  });
});

describe('the state of VAMO', () => {
  it('goes through JSON and continues bit for bit', () => {
    const step = fc.record({
      m: fc.array(gain, { minLength: 3, maxLength: 3 }),
      present: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }),
    });
    const options = fc.record({
      lag: fc.nat(3),
      ema: fc.constantFrom(0, 0.9),
      warmupSteps: fc.nat(4),
      normalise: fc.constantFrom('none', 'cosine', 'meanabs'),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 6 }),
        fc.array(step, { maxLength: 4 }),
        options,
        (first, then, o) => {
          const original = createWeighting('vamo', 3, o);
          for (const { m, present } of first) original.step(input(m, { present }));
          const restored = createWeighting('vamo', 3, o);
          restored.load(JSON.parse(JSON.stringify(original.save())) as Record<string, unknown>);
          for (const { m, present } of then) {
            const expected = original.step(input(m, { present }));
            expect(restored.step(input(m, { present }))).toEqual(expected);
          }
        },
      ),
    );
  });

  it('is not changed by later steps once it is saved', () => {
    const method = createWeighting('vamo', 2);
    method.step(input([1, 2]));
    const saved = method.save();
    const text = JSON.stringify(saved);
    method.step(input([3, 4]));
    expect(JSON.stringify(saved)).toBe(text);
  });

  it('of another number of tasks, or damaged, is refused', () => {
    const state = createWeighting('vamo', 2).save();
    expect(() => createWeighting('vamo', 3).load(state)).toThrow(/^vamo state: average: /);
    const damaged = { ...state, state: { ...(state['state'] as object), steps: 'x' } };
    expect(() => createWeighting('vamo', 2).load(damaged)).toThrow(/^vamo state: steps: /);
  });

  it('stays as it was when an input is refused', () => {
    const method = createWeighting('vamo', 2);
    method.step(input([1, 2]));
    const before = JSON.stringify(method.save());
    expect(() => method.step(input([1, NaN]))).toThrow(/gains\[1\]: NaN; must be finite/);
    expect(JSON.stringify(method.save())).toBe(before);
  });
});

describe('inputs VAMO cannot use', () => {
  it.each<[string, Partial<WeightingInput>, RegExp]>([
    ['too few gains', { gains: Float64Array.of(1) }, /gains: 1 numbers; must be 2/],
    ['an infinite gain', { gains: Float64Array.of(Infinity, 1) }, /gains\[0\]: Infinity/],
    ['a Gram matrix of another size', { gram: new Float64Array(3) }, /gram: 3 numbers; must be 4/],
    ['a negative squared norm', { validationNormSquared: -1 }, /validationNormSquared: -1/],
  ])('%s', (_, change, message) => {
    try {
      paper(2).step(input([1, 2], change));
      expect.unreachable();
    } catch (error) {
      expect(isVamoError(error, 'WEIGHTING_INVALID')).toBe(true);
      expect((error as Error).message).toMatch(message);
    }
  });
});
