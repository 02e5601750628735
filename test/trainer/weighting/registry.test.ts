import { describe, expect, it } from 'vitest';
import { syntheticInput } from '../../helpers/weighting-inputs.ts';
import { isVamoError, seededRandom } from '../../../src/core/index.ts';
import { readFileSync } from 'node:fs';
import type { WeightingMethod } from '../../../src/trainer/weighting/method.ts';
import {
  createWeighting,
  headWeights,
  weightingMethods,
} from '../../../src/trainer/weighting/index.ts';

const losses = Float64Array.of(1, 2, 3);
const random = seededRandom(1);
const refusal = (name: string, options: Record<string, unknown>): string => {
  try {
    createWeighting(name, 3, options);
  } catch (error) {
    if (isVamoError(error, 'WEIGHTING_INVALID')) return error.message;
  }
  throw new Error('was accepted');
};

describe('the registry of weighting methods', () => {
  it('makes every method it names, and says what it is, where from and what a step costs', () => {
    for (const [name, method] of weightingMethods) {
      expect(method.name).toBe(name);
      expect(method.summary).toMatch(/^.{10,100}$/);
      expect(method.source).toMatch(/.{10,}/);
      expect(method.cost).toMatch(/F/);
      const fresh = createWeighting(name, 3);
      fresh.load(fresh.save());
    }
    expect(weightingMethods.size).toBeGreaterThanOrEqual(22);
  });

  it('stands in docs/methods.md as it is', () => {
    const docs = readFileSync(new URL('../../../docs/methods.md', import.meta.url), 'utf8');
    const rows = docs.split('\n').filter((line) => /^\| `[a-z0-9]+` +\| /.test(line));
    for (const method of weightingMethods.values()) {
      const { needs, scope } = createWeighting(method, 3);
      const row = rows.find((line) => line.startsWith(`| \`${method.name}\` `));
      const cells = row?.split('|').map((cell) => cell.trim());
      const looksAt = [...needs].join(', ') || '-';
      const expected = [method.summary, looksAt, method.cost, scope];
      expect(cells?.slice(2, 6), method.name).toEqual(expected);
      expect(cells?.[7]).toBe(method.source);
    }
  });

  it('lists the known names for an unknown one', () => {
    expect(refusal('nonesuch', {})).toMatch(
      /^weighting "nonesuch": unknown; known are stl, vanilla, .*vamo/,
    );
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['vamo', { lambda: 'inf' }, /^vamo\.lambda: "inf"; must be a number >= 0 or "Infinity"$/],
    ['vamo', { lambda: NaN }, /^vamo\.lambda: NaN; must be/],
    ['fixed', { weights: [NaN, 1, 1] }, /^fixed\.weights: \[NaN, 1, 1\]; /],
    [
      'vamo',
      { normalise: 'l2' },
      /^vamo\.normalise: "l2"; .*"none"\|"valnorm"\|"cosine"\|"meanabs"/,
    ],
    ['vamo', { preset: 'best' }, /^vamo\.preset: "best"; .*"paper"\|"robust"/],
    ['vamo', { ema: 1 }, /^vamo\.ema: 1; .*0\.9999/],
    [
      'vamo',
      { lamda: 1 },
      /^vamo: lamda: no such option; must be one of lambda, .*, lambdaScale, /,
    ],
    ['imtlg', { metrics: 1 }, /^imtlg: metrics: no such option; must be one of metric, /],
    ['vanilla', { totalWeight: 'two' }, /^vanilla\.totalWeight: "two"; .*"one"\|"K"/],
    ['vamo', { scope: 'most' }, /^vamo\.scope: "most"; .*"all"\|"shared"/],
    ['moco', { scope: 'all' }, /^moco\.scope: "all"; it works on the shared parameters$/],
    ['uw', { lr: 0 }, /^uw\.lr: 0; /],
    ['fixed', { weights: [1] }, /^fixed\.weights: 1 numbers; must be 3$/],
    ['gcs', { mainTask: 3 }, /^gcs\.mainTask: 3; must be below the number of tasks \(3\)$/],
    ['famo', { lossFloor: [0] }, /^lossFloor: 1 numbers; must be 3$/],
    ['stl', { mainTask: 3 }, /^stl\.mainTask: 3; must be below the number of tasks \(3\)$/],
    ['stl', { mainTask: 0.5 }, /^stl\.mainTask: 0\.5; /],
  ])('%s names the bad option, its value and what is allowed: %j', (name, options, message) => {
    expect(refusal(name, options)).toMatch(message);
  });
});

describe('an option of every method that would do nothing, or undo what the method does,', () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['stl', { scope: 'shared' }, /^stl\.scope: "shared"; it takes no inner products$/],
    ['stl', { metric: 'adam' }, /^stl\.metric: "adam"; it takes no inner products$/],
    ['stl', { lossFloor: 0 }, /^stl\.lossFloor: 0; it takes losses of either sign$/],
    ['stl', { headScale: 'mean' }, /^stl\.headScale: "mean"; its heads are weighted$/],
    ['moco', { metric: 'adam' }, /^moco\.metric: "adam"; it takes no inner products$/],
    ['lookahead', { scope: 'shared' }, /^lookahead\.scope: "shared"; /],
    ['mgda', { lossFloor: -5 }, /^mgda\.lossFloor: -5; /],
    ['fairgrad', { lossFloor: [0, 0, NaN] }, /^fairgrad\.lossFloor: \[0, 0, NaN\]; /],
    ['vamo', { nullTask: true, totalWeight: 'one' }, /^vamo\.totalWeight: "one"; nullTask makes/],
    ['vamo', { perTaskClip: 1, totalWeight: 'K' }, /^vamo\.totalWeight: "K"; perTaskClip makes/],
    ['vamo', { perTaskClip: 1, headPolicy: 'unweighted' }, /^vamo\.headPolicy: "unweighted"; perT/],
  ])('is refused: %s %j', (name, options, message) => {
    expect(refusal(name, options)).toMatch(message);
  });

  it('is let pass at the value that the method has anyway', () => {
    for (const [name, method] of weightingMethods) {
      const { scope, metric, headPolicy, headScale } = method.create(3, {});
      const own = {
        scope,
        metric,
        headPolicy,
        headScale,
        totalWeight: 'native',
        lossFloor: 'auto',
      };
      expect(createWeighting(name, 3, own).scope).toBe(scope);
    }
  });
});

describe('the total of the weights', () => {
  const input = syntheticInput(3);

  it.each([...weightingMethods.keys()])('%s: 1 or K on request, whatever is native', (name) => {
    const sizes = (['one', 'K'] as const).map((totalWeight) => {
      const weighting = createWeighting(name, 3, { totalWeight });
      const { weights } = weighting.step(input);
      return weights.reduce((total, w) => total + Math.abs(w), 0);
    });
    expect(sizes[0]).toBeCloseTo(1, 12);
    expect(sizes[1]).toBeCloseTo(3, 12);
  });

  it('of a method with a direction of its own scales the direction as well', () => {
    const direction = (options: Record<string, unknown>): ArrayLike<number> =>
      createWeighting('metabalance', 3, options).step(input).direction!;
    const native = createWeighting('metabalance', 3).step(input);
    const size = native.weights.reduce((a, b) => a + b, 0);
    const scaled = direction({ totalWeight: 'one' });
    native.direction!.forEach((x, p) => expect(scaled[p]).toBeCloseTo(x / size, 12));
  });

  it('sets unweighted heads to the same scale', () => {
    const heads = (options: Record<string, unknown>): number[] => [
      ...headWeights(createWeighting('gradnorm', 2, options), Float64Array.of(0.2, 0.8)),
    ];
    expect(heads({})).toEqual([1, 1]);
    expect(heads({ totalWeight: 'one' })).toEqual([0.5, 0.5]);
    expect(heads({ totalWeight: 'K' })).toEqual([1, 1]);
  });
});

describe('heads that the method scales itself', () => {
  it('are scaled by headScale and totalWeight like any unweighted ones', () => {
    const heads = (options: Record<string, unknown>): number[] => {
      const imtl = createWeighting('imtl', 2, options);
      for (let i = 0; i < 9; i++) {
        imtl.step(syntheticInput(2));
        imtl.observe!({ losses: Float64Array.of(5, 0.2) });
      }
      return [...headWeights(imtl, Float64Array.of(0.3, 0.7))];
    };
    const [a, b] = heads({});
    expect(a).toBeLessThan(0.9);
    expect(b).toBeGreaterThan(1.1);
    for (const options of [{ headScale: 'mean' }, { totalWeight: 'one' }])
      expect(heads(options)).toEqual([a! / 2, b! / 2]);
    expect(heads({ totalWeight: 'K' })).toEqual([a, b]);
  });
});

describe('stl', () => {
  it('trains one task, and none where that task is absent', () => {
    const method = createWeighting('stl', 3, { mainTask: 1 });
    expect([...method.step({ losses, random }).weights]).toEqual([0, 1, 0]);
    const present = [true, false, true];
    expect([...method.step({ losses, random, present }).weights]).toEqual([0, 0, 0]);
  });
});

describe('vanilla', () => {
  it.each([
    ['one', 1],
    ['K', 3],
  ])('totalWeight %s totals %i, also with an absent task', (totalWeight, total) => {
    const method = createWeighting('vanilla', 3, { totalWeight });
    expect([...method.step({ losses, random }).weights]).toEqual([total / 3, total / 3, total / 3]);
    const present = [true, false, true];
    expect([...method.step({ losses, random, present }).weights]).toEqual([
      total / 2,
      0,
      total / 2,
    ]);
  });
});

describe('a method of one’s own', () => {
  const odd: WeightingMethod = {
    name: 'odd',
    summary: 'whatever it is told',
    source: 'here',
    cost: '1F + 1B',
    create: (_tasks, options) => ({
      needs: new Set(['gram']),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step: () => ({
        weights: Float64Array.from(options['weights'] as number[]),
        diagnostics: {},
      }),
      save: () => ({}),
      load: () => undefined,
    }),
  };
  const weigh = (options: Record<string, unknown>): number[] => [
    ...createWeighting(odd, 2, options).step({ random }).weights,
  ];

  it('runs under the options that all methods have', () => {
    expect(weigh({ weights: [1, -3] })).toEqual([1, -3]);
    expect(weigh({ weights: [1, -3], totalWeight: 'one' })).toEqual([0.25, -0.75]);
    expect(weigh({ weights: [1, -3], totalWeight: 'K' })).toEqual([0.5, -1.5]);
    expect(weigh({ weights: [0, 0], totalWeight: 'one' })).toEqual([0, 0]);
    const weighting = createWeighting(odd, 2, { headPolicy: 'unweighted', scope: 'shared' });
    expect([weighting.headPolicy, weighting.scope]).toEqual(['unweighted', 'shared']);
  });

  it('is refused when it answers with too few weights, or with none that are numbers', () => {
    expect(() => weigh({ weights: [1] })).toThrow('odd: 1 weights; must be 2');
    expect(() => weigh({ weights: [1, NaN] })).toThrow('odd.weights[1]: NaN; the method has no');
  });

  it('refuses the state of another method', () => {
    const state = createWeighting('rlw', 2).save();
    expect(() => createWeighting(odd, 2).load(state)).toThrow(
      'state: of method "rlw"; the run uses "odd"',
    );
  });
});

describe('head weights', () => {
  it('follow the task weights, or are 1 or 1/K', () => {
    const weights = Float64Array.of(0.2, 0.8);
    const heads = (options: Record<string, unknown>): number[] => [
      ...headWeights(createWeighting('vamo', 2, options), weights),
    ];
    expect(heads({})).toEqual([0.2, 0.8]);
    expect(heads({ headPolicy: 'unweighted' })).toEqual([1, 1]);
    expect(heads({ headPolicy: 'unweighted', headScale: 'mean' })).toEqual([0.5, 0.5]);
  });
});
