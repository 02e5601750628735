import { describe, expect, it } from 'vitest';
import { isVamoError, restoreRandom, seededRandom } from '../../../src/core/index.ts';
import {
  createWeighting,
  headWeights,
  type Weighting,
  weightingMethods,
} from '../../../src/trainer/weighting/index.ts';
import type { WeightingInput } from '../../../src/trainer/weighting/method.ts';
import { inputOf, outcomeOf, syntheticInput } from '../../helpers/weighting-inputs.ts';

const names = [...weightingMethods.keys()];

/** Settings under which a method's state moves early. */
const LIVELY: Readonly<Record<string, Record<string, unknown>>> = {
  vamo: { warmupSteps: 2, lag: 2 },
  olaux: { window: 3 },
  dwa: { variant: 'epoch' },
  nashmtl: { updateWeightsEvery: 3 },
};

/** One step and its outcome, epochs of three steps; some steps lack a task. */
function advance(weighting: Weighting, step: number): string {
  const present = step % 4 === 3 ? [true, false, true] : [true, true, true];
  const input = syntheticInput(3, 100 + step, { epoch: Math.floor(step / 3), present });
  const output = weighting.step(input);
  weighting.observe?.(outcomeOf(input, seededRandom(step)));
  return JSON.stringify([[...output.weights], output.direction && [...output.direction]]);
}

describe('the state of every method', () => {
  it.each([
    ...names.map((name) => [name, LIVELY[name] ?? {}] as const),
    ['dwa', { variant: 'window', window: 2 }] as const,
  ])('%s %j: N steps are k steps, saved as JSON and loaded, and N - k more', (name, options) => {
    for (const cut of [0, 1, 5, 9]) {
      const whole = createWeighting(name, 3, options);
      const first = createWeighting(name, 3, options);
      const expected = Array.from({ length: 12 }, (_, i) => advance(whole, i));
      for (let i = 0; i < cut; i++) advance(first, i);
      const second = createWeighting(name, 3, options);
      second.load(JSON.parse(JSON.stringify(first.save())) as Record<string, unknown>);
      const rest = Array.from({ length: 12 - cut }, (_, i) => advance(second, cut + i));
      expect(rest).toEqual(expected.slice(cut));
      expect(JSON.stringify(second.save())).toBe(JSON.stringify(whole.save()));
    }
  });

  it.each(names)('%s: a saved state is not changed by later steps', (name) => {
    const weighting = createWeighting(name, 3, LIVELY[name] ?? {});
    for (let i = 0; i < 4; i++) advance(weighting, i);
    const saved = weighting.save();
    const text = JSON.stringify(saved);
    for (let i = 4; i < 9; i++) advance(weighting, i);
    expect(JSON.stringify(saved)).toBe(text);
  });

  const stateful = names.filter((name) => {
    const { state } = createWeighting(name, 3).save();
    return Object.keys(state as object).length > 0;
  });

  it.each(stateful)('%s: a damaged state is refused by name', (name) => {
    const saved = createWeighting(name, 3).save();
    const keys = Object.keys(saved['state'] as object);
    const damaged = { ...saved, state: { ...(saved['state'] as object), [keys[0]!]: 'x' } };
    expect(() => createWeighting(name, 3).load(damaged)).toThrow(new RegExp(`^${name} state: `));
  });
});

/** Gradients that break naive arithmetic. */
function hardRows(): Readonly<Record<string, readonly Float64Array[]>> {
  const random = seededRandom(3, 9);
  const row = (): Float64Array => Float64Array.from({ length: 6 }, () => random.normal());
  const [a, b, c] = [row(), row(), row()];
  const times = (x: Float64Array, factor: number): Float64Array => x.map((v) => v * factor);
  const zero = new Float64Array(6);
  return {
    'all zero': [zero, zero, zero],
    'one zero': [a, zero, b],
    duplicates: [a, a, a],
    'nearly duplicates': [a, a.map((x) => x * (1 + 1e-12)), b],
    opposites: [a, times(a, -1), b],
    'opposites alone': [a, times(a, -1), zero],
    'of norm 1e-8': [times(a, 1e-8), times(b, 1e-8), times(c, 1e-8)],
    'of norm 1e8': [times(a, 1e8), times(b, 1e8), times(c, 1e8)],
    'of norms 1e8, 1, 1e-8': [times(a, 1e8), b, times(c, 1e-8)],
    'of three norms and two opposites': [times(a, 1e8), times(a, -1e-8), c],
  };
}

const LOSSES: Readonly<Record<string, readonly number[]>> = {
  'usual losses': [0.5, 1, 2],
  'losses of 0': [0, 0, 0],
  'negative losses': [-3, 0.5, -1e-9],
  'losses of 1e-8 and 1e8': [1e-8, 1, 1e8],
};

const isFiniteList = (x: ArrayLike<number>): boolean => Array.from(x).every(Number.isFinite);

/** Steps a method through hard inputs: finite weights every time, or a typed error. */
function survive(name: string, change: (input: WeightingInput) => WeightingInput): void {
  const rows = hardRows();
  for (const [label, shared] of Object.entries(rows))
    for (const [kind, losses] of Object.entries(LOSSES)) {
      const weighting = createWeighting(name, 3, LIVELY[name] ?? {});
      const random = seededRandom(7);
      for (let step = 0; step < 4; step++) {
        const given = change(
          inputOf(shared, random, { losses: Float64Array.from(losses), epoch: step }),
        );
        try {
          const { weights, direction } = weighting.step(given);
          const heads = headWeights(weighting, weights);
          const finite = [weights, direction ?? [], heads].every(isFiniteList);
          expect(finite, `${label}, ${kind}, step ${step}: ${weights.join()}`).toBe(true);
          given.present?.forEach((there, k) => expect(there || weights[k] === 0).toBe(true));
          weighting.observe?.(outcomeOf(given, random));
          expect(JSON.stringify(weighting.save())).not.toMatch(/null[,\]]/);
        } catch (error) {
          if (!isVamoError(error, 'WEIGHTING_INVALID')) throw error;
        }
      }
    }
}

describe('gradients and losses that break naive arithmetic', () => {
  it.each(names)('%s gives finite weights or a typed error', (name) => {
    survive(name, (input) => input);
  });

  it.each(names)('%s gives an absent task no weight', (name) => {
    survive(name, (input) => ({ ...input, present: [true, false, true] }));
    // An absent task has no loss at all.
    survive(name, (input) => ({
      ...input,
      present: [false, true, true],
      losses: Float64Array.of(NaN, 0.5, 2),
    }));
  });

  it.each(names)('%s stands still while every task is absent', (name) => {
    const weighting = createWeighting(name, 3);
    const before = JSON.stringify(weighting.save());
    const input = syntheticInput(3, 1, { present: [false, false, false] });
    expect([...weighting.step(input).weights]).toEqual([0, 0, 0]);
    weighting.observe?.(outcomeOf(input, seededRandom(1)));
    expect(JSON.stringify(weighting.save())).toBe(before);
  });

  it.each(names.filter((name) => createWeighting(name, 3).needs.size > 0))(
    '%s refuses an input with a number that is not one',
    (name) => {
      const broken = Object.fromEntries(
        Object.entries(syntheticInput(3)).map(([key, value]) => [
          key,
          value instanceof Float64Array ? value.map(() => NaN) : value,
        ]),
      ) as unknown as WeightingInput;
      const bad: WeightingInput = {
        ...broken,
        lookahead: { before: Float64Array.of(NaN, 1, 1), after: new Float64Array(9) },
        gradients: {
          shared: [0, 1, 2].map(() => new Float64Array(8).fill(NaN)),
          tensorSizes: [2, 6],
        },
      };
      try {
        createWeighting(name, 3).step(bad);
        expect.unreachable();
      } catch (error) {
        expect(isVamoError(error, 'WEIGHTING_INVALID'), String(error)).toBe(true);
      }
    },
  );
});

describe('methods that draw', () => {
  it.each(names)('%s: the generator’s state decides, nothing else', (name) => {
    const random = seededRandom(11);
    const copy = restoreRandom(random.state());
    const run = (source: typeof random): string => {
      const { weights, direction } = createWeighting(name, 3).step({
        ...syntheticInput(3),
        random: source,
      });
      return JSON.stringify([[...weights], direction && [...direction]]);
    };
    expect(run(random)).toBe(run(copy));
  });
});
