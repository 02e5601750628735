import { describe, expect, it } from 'vitest';
import { isVamoError, seededRandom } from '../../../src/core/index.ts';
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
  it('makes every method it names', () => {
    expect([...weightingMethods.keys()]).toEqual([
      ...['stl', 'vanilla', 'vamo'],
      ...['aligned', 'cagrad', 'fairgrad', 'gradmatch', 'imtlg', 'mgda', 'nashmtl', 'pcgrad'],
    ]);
    for (const [name, method] of weightingMethods) {
      expect(method.name).toBe(name);
      const fresh = method.create(3, {});
      fresh.load(fresh.save());
    }
  });

  it('lists the known names for an unknown one', () => {
    expect(refusal('nonesuch', {})).toBe(
      'weighting "nonesuch": unknown; known are stl, vanilla, vamo, aligned, cagrad, fairgrad, ' +
        'gradmatch, imtlg, mgda, nashmtl, pcgrad',
    );
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['vamo', { lambda: -1 }, /^vamo\.lambda: -1; must be a number >= 0$/],
    ['vamo', { lambda: NaN }, /^vamo\.lambda: null; must be/],
    [
      'vamo',
      { normalise: 'l2' },
      /^vamo\.normalise: "l2"; .*"none"\|"valnorm"\|"cosine"\|"meanabs"/,
    ],
    ['vamo', { preset: 'best' }, /^vamo\.preset: "best"; .*"paper"\|"robust"/],
    ['vamo', { ema: 1 }, /^vamo\.ema: 1; .*0\.9999/],
    ['vamo', { lamda: 1 }, /^vamo: lamda: no such option$/],
    ['vanilla', { totalWeight: 'two' }, /^vanilla\.totalWeight: "two"; .*"one"\|"K"/],
    ['stl', { mainTask: 3 }, /^stl\.mainTask: 3; must be below the number of tasks \(3\)$/],
    ['stl', { mainTask: 0.5 }, /^stl\.mainTask: 0\.5; /],
  ])('%s names the bad option, its value and what is allowed: %j', (name, options, message) => {
    expect(refusal(name, options)).toMatch(message);
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
