import { describe, expect, it } from 'vitest';
import { isVamoError, seededRandom } from '../../../src/core/index.ts';
import { imtlgWeights } from '../../../src/trainer/weighting/imtlg.ts';
import { createWeighting, type WeightingInput } from '../../../src/trainer/weighting/index.ts';
import { projectConflicting } from '../../../src/trainer/weighting/pcgrad.ts';
import { gradientSet, gramOf } from '../../helpers/gradient-sets.ts';

const METHODS = [
  ...['fairgrad', 'nashmtl', 'mgda', 'cagrad', 'aligned', 'imtlg', 'pcgrad', 'gradmatch'],
] as const;

const total = (xs: Iterable<number>): number => [...xs].reduce((a, b) => a + b, 0);

/** The input of K gradients; the validation gradient is their mean, tilted. */
function inputOf(
  rows: readonly Float64Array[],
  more: Partial<WeightingInput> = {},
): WeightingInput {
  const tilt = rows[0]!.map((_, p) => total(rows.map((row, k) => (k + 1) * row[p]!)));
  const all = gramOf([...rows, tilt]);
  const K = rows.length;
  return {
    gram: gramOf(rows),
    gains: Float64Array.from(rows, (_, k) => all[k * (K + 1) + K]!),
    validationNormSquared: all.at(-1)!,
    losses: Float64Array.from(rows, (_, k) => 1 + k),
    random: seededRandom(3),
    ...more,
  };
}

function step(name: string, rows: readonly Float64Array[], more: Partial<WeightingInput> = {}) {
  return createWeighting(name, rows.length).step(inputOf(rows, more));
}

const direction = (rows: readonly Float64Array[], weights: Float64Array): Float64Array =>
  rows[0]!.map((_, p) => total(rows.map((row, k) => weights[k]! * row[p]!)));

const norm = (x: Float64Array): number => Math.hypot(...x);

describe.each(METHODS)('%s', (name) => {
  it('answers with finite weights whatever the gradients', () => {
    for (let seed = 0; seed < 300; seed++) {
      const { rows, kind } = gradientSet(seed);
      const { weights, diagnostics } = step(name, rows);
      const label = `seed ${seed} ${kind}`;
      expect(weights.every(Number.isFinite), label).toBe(true);
      for (const x of Object.values(diagnostics).flat())
        expect(Number.isFinite(x), label).toBe(true);
    }
    const zeros = [new Float64Array(3), new Float64Array(3)];
    expect(step(name, zeros).weights.every(Number.isFinite)).toBe(true);
  });

  it('solves over the present tasks as if they were all there is', () => {
    for (let seed = 0; seed < 100; seed++) {
      const { rows } = gradientSet(seed, ['generic'], 2);
      const absent = seed % rows.length;
      const present = rows.map((_, k) => k !== absent);
      const all = step(name, rows, { present }).weights;
      const alone = createWeighting(name, rows.length - 1).step({
        ...inputOf(rows.filter((_, k) => present[k])),
        gains: inputOf(rows).gains!.filter((_, k) => present[k]),
        losses: inputOf(rows).losses!.filter((_, k) => present[k]),
      }).weights;
      expect(all[absent]).toBe(0);
      expect(all.filter((_, k) => present[k])).toEqual(alone);
    }
    const none = step(name, [Float64Array.of(1), Float64Array.of(2)], { present: [false, false] });
    expect([...none.weights]).toEqual([0, 0]);
  });

  it('gives one task alone a positive weight', () => {
    expect(step(name, [Float64Array.of(3, 4)]).weights[0]).toBeGreaterThan(0);
  });

  it('names what is missing or not a number', () => {
    const rows = [Float64Array.of(1, 0), Float64Array.of(0, 1)];
    const message = (more: Partial<WeightingInput>): string => {
      try {
        step(name, rows, more);
      } catch (error) {
        if (isVamoError(error, 'WEIGHTING_INVALID')) return error.message;
      }
      return 'was accepted';
    };
    expect(message({ gram: Float64Array.of(1, NaN, 0, 1) })).toMatch(/^gram\[1\]: NaN/);
    expect(message({ gram: Float64Array.of(1) })).toMatch(/^gram: 1 numbers; must be 4/);
    expect(message({ gram: Float64Array.of(1, 0, 0, -1) })).toMatch(/^gram: .* task 1 is below 0/);
    expect(() => createWeighting(name, 2, { nonesuch: 1 })).toThrow(/nonesuch: no such option/);
  });

  it('does not depend on the order of the tasks', () => {
    // PCGrad's orders are drawn by position.
    if (name === 'pcgrad') return;
    for (let seed = 0; seed < 200; seed++) {
      const { rows } = gradientSet(seed, ['generic', 'zero'], 1);
      const input = inputOf(rows);
      const K = rows.length;
      const order = rows.map((_, k) => (k + 1 + (seed % 2)) % K);
      const permuted = createWeighting(name, K).step({
        gram: Float64Array.from(order.flatMap((i) => order.map((j) => input.gram![i * K + j]!))),
        gains: Float64Array.from(order, (i) => input.gains![i]!),
        losses: Float64Array.from(order, (i) => input.losses![i]!),
        validationNormSquared: input.validationNormSquared!,
        random: seededRandom(3),
      }).weights;
      const plain = createWeighting(name, K).step(input).weights;
      const size = Math.max(...plain.map(Math.abs)) + 1e-300;
      for (const [at, i] of order.entries())
        expect(Math.abs(permuted[at]! - plain[i]!) / size, `seed ${seed}`).toBeLessThan(1e-7);
    }
  });

  it('follows a change of all gradients by a factor of 1e-8 to 1e8', () => {
    // Direction of degree: 1 where weights do not change, 0 or less where they undo the norm.
    const degree = { fairgrad: -1 / 3, nashmtl: 0 }[name as string] ?? 1;
    for (let seed = 0; seed < 100; seed++) {
      const { rows } = gradientSet(seed, ['generic', 'rank-deficient'], 0);
      const { weights } = step(name, rows);
      const plain = direction(rows, weights);
      // The terms of the step may cancel.
      const size = total(rows.map((row, k) => Math.abs(weights[k]!) * norm(row)));
      for (const factor of [1e-8, 1e-3, 1e3, 1e8]) {
        const scaled = rows.map((row) => row.map((x) => x * factor));
        const actual = direction(scaled, step(name, scaled).weights);
        const expected = plain.map((x) => x * factor ** degree);
        const gap = norm(actual.map((x, p) => x - expected[p]!)) / (size * factor ** degree);
        expect(gap, `seed ${seed} ${factor}`).toBeLessThan(1e-9);
      }
    }
  });
});

describe('mgda', () => {
  it.each(['l2', 'loss', 'loss+'])(
    'normalise %s solves for the gradients so divided',
    (normalise) => {
      for (let seed = 0; seed < 100; seed++) {
        const { rows } = gradientSet(seed, ['generic'], 2);
        const losses = inputOf(rows).losses!;
        const divide = rows.map((row, k) => {
          const by = { l2: norm(row), loss: losses[k]!, 'loss+': losses[k]! * norm(row) };
          return by[normalise as keyof typeof by];
        });
        const divided = rows.map((row, k) => row.map((x) => x / divide[k]!));
        const plain = createWeighting('mgda', rows.length).step(inputOf(divided)).weights;
        const whole = createWeighting('mgda', rows.length, { normalise }).step(
          inputOf(rows),
        ).weights;
        const raw = createWeighting('mgda', rows.length, { normalise, applyTo: 'raw' });
        const onRaw = raw.step(inputOf(rows)).weights;
        for (const [k, w] of plain.entries()) {
          expect(whole[k]! * divide[k]!).toBeCloseTo(w, 10);
          expect(onRaw[k]).toBeCloseTo(w, 10);
        }
      }
    },
  );

  it('stands still at a zero gradient and says so', () => {
    const rows = [Float64Array.of(1, 2), Float64Array.of(0, 0)];
    const { weights, diagnostics } = step('mgda', rows);
    expect([...weights]).toEqual([0, 1]);
    expect(diagnostics).toMatchObject({ degenerate: 1, minNormSquared: 0 });
  });

  it('divides by losses above their floor, which it finds or is given', () => {
    const rows = [Float64Array.of(1, 2), Float64Array.of(2, 0)];
    const divided = (losses: Float64Array, options: Record<string, unknown>) => {
      const method = createWeighting('mgda', 2, { normalise: 'loss', ...options });
      expect([...method.needs].sort()).toEqual(['gram', 'losses']);
      return [...method.step(inputOf(rows, { losses })).weights];
    };
    const below = Float64Array.of(-0.1, 1);
    expect(divided(below, {})).toEqual(divided(Float64Array.of(1, 1), { lossFloor: 0 }));
    expect(divided(below, { lossFloor: -5 })).toEqual(
      divided(Float64Array.of(4.9, 6), { lossFloor: 0 }),
    );
    expect(() => divided(below, { lossFloor: 0 })).toThrow(
      'losses[0]: -0.1 is below lossFloor (0)',
    );
    expect(() => divided(Float64Array.of(0, 1), { lossFloor: 0 })).toThrow(
      'losses[0]: 0 above the floor; mgda.normalise "loss" needs more than 0',
    );
  });
});

describe('nash-mtl', () => {
  const sets = [1, 2, 3, 4].map((seed) => gradientSet(seed * 31, ['generic'], 1));
  const inputs = sets.map(({ rows }) =>
    inputOf([0, 1, 2].map((k) => rows[k % rows.length]!.map((x, p) => x + (p === k ? 1 : 0)))),
  );

  it('keeps the weights for updateWeightsEvery steps, over save and load', () => {
    const plain = createWeighting('nashmtl', 3);
    const fresh = inputs.map((input) => [...plain.step(input).weights]);
    const kept = createWeighting('nashmtl', 3, { updateWeightsEvery: 3 });
    const resumed = createWeighting('nashmtl', 3, { updateWeightsEvery: 3 });
    const answers = inputs.map((input) => {
      resumed.load(JSON.parse(JSON.stringify(kept.save())) as Record<string, unknown>);
      const weights = [...kept.step(input).weights];
      expect([...resumed.step(input).weights]).toEqual(weights);
      return weights;
    });
    expect(answers).toEqual([fresh[0], fresh[0], fresh[0], fresh[3]]);
    expect(fresh[1]).not.toEqual(fresh[0]);
  });

  it('solves anew for a task that had no weight yet, and gives an absent one 0', () => {
    const plain = createWeighting('nashmtl', 3);
    const kept = createWeighting('nashmtl', 3, { updateWeightsEvery: 10 });
    kept.step({ ...inputs[0]!, present: [true, false, true] });
    expect(kept.step(inputs[1]!).weights).toEqual(plain.step(inputs[1]!).weights);
    const { weights } = kept.step({ ...inputs[2]!, present: [true, true, false] });
    expect([...weights]).toEqual([...plain.step(inputs[1]!).weights.slice(0, 2), 0]);
  });

  it('tells the squared norm of each step: K where it was solved', () => {
    const kept = createWeighting('nashmtl', 3, { updateWeightsEvery: 2 });
    const norms = inputs.map((input) => kept.step(input).diagnostics['directionNormSquared']);
    expect(norms[0]).toBeCloseTo(3, 9);
    expect(norms[1]).not.toBeCloseTo(3, 3);
    expect(norms[2]).toBeCloseTo(3, 9);
  });

  it('refuses a state of other size', () => {
    const two = createWeighting('nashmtl', 2);
    two.step(inputOf([Float64Array.of(1, 0), Float64Array.of(0, 1)]));
    expect(() => createWeighting('nashmtl', 3).load(two.save())).toThrow(/not a state for 3 tasks/);
  });
});

describe('cagrad', () => {
  it('with c 0 is Vanilla, and moves by c times the mean gradient from it', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { rows } = gradientSet(seed, ['generic', 'near-duplicate'], 2);
      const K = rows.length;
      const mean = direction(rows, new Float64Array(K).fill(1 / K));
      const at = (c: number): Float64Array =>
        direction(
          rows,
          createWeighting('cagrad', K, { c, rescale: 0 }).step(inputOf(rows)).weights,
        );
      expect(norm(at(0).map((x, p) => x - mean[p]!))).toBeLessThan(1e-14 * norm(mean) + 1e-300);
      const away = norm(at(0.4).map((x, p) => x - mean[p]!));
      expect(away / norm(mean), `seed ${seed}`).toBeCloseTo(0.4, 3);
    }
  });
});

describe('imtl-g', () => {
  it('projects the same on all unit gradients, the weights totalling 1', () => {
    for (let seed = 0; seed < 500; seed++) {
      const { rows, gram, size } = gradientSet(seed, ['generic', 'rank-deficient'], 3);
      const weights = imtlgWeights(gram, size);
      expect(total(weights)).toBeCloseTo(1, 9);
      const d = direction(rows, weights);
      const projections = rows.map((row) => total(row.map((x, p) => x * d[p]!)) / norm(row));
      const scale = total(rows.map((row, k) => Math.abs(weights[k]!) * norm(row)));
      const spread = Math.max(...projections) - Math.min(...projections);
      expect(spread / scale, `seed ${seed}`).toBeLessThan(1e-11);
    }
  });

  it('falls back to 1/K for a zero gradient and for two of one direction, and says so', () => {
    const twins = [Float64Array.of(1, 2), Float64Array.of(2, 4), Float64Array.of(0, 1)];
    const zero = [Float64Array.of(1, 2), Float64Array.of(0, 0), Float64Array.of(0, 1)];
    for (const rows of [twins, zero]) {
      const { weights, diagnostics } = step('imtlg', rows);
      expect([...weights]).toEqual([1 / 3, 1 / 3, 1 / 3]);
      expect(diagnostics['degenerate']).toBe(1);
    }
  });

  it('weights opposite gradients, whose Gram matrix is singular, against their norms', () => {
    expect([...imtlgWeights(Float64Array.of(1, -4, -4, 16), 2)]).toEqual([0.8, 0.2]);
  });
});

describe('aligned-mtl', () => {
  it('makes the gradients orthogonal: all have the same inner product with the step', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { rows, size } = gradientSet(seed, ['generic'], 0);
      const scales = ['min', 'median', 'rmse'].map((scaleMode) => {
        const method = createWeighting('aligned', size, { scaleMode });
        const { weights, diagnostics } = method.step(inputOf(rows));
        const d = direction(rows, weights);
        expect(diagnostics['rank']).toBe(size);
        return norm(d) ** 2 / size;
      });
      const values = step('aligned', rows).diagnostics['eigenvalues'] as number[];
      const [min, median, rmse] = scales;
      expect(min! / values.at(-1)!).toBeCloseTo(1, 8);
      expect(median! / values[Math.floor(size / 2)]!).toBeCloseTo(1, 8);
      expect(rmse! / (total(values) / size)).toBeCloseTo(1, 8);
    }
  });
});

describe('pcgrad', () => {
  const exact = { includeSelf: false, eps: 0 };

  it('projects in the order given, as on the gradients themselves', () => {
    for (let seed = 0; seed < 300; seed++) {
      const { rows, size, gram } = gradientSet(seed, ['generic', 'near-opposite', 'zero'], 1);
      const random = seededRandom(seed, 4);
      const orders = rows.map(() =>
        rows
          .map((_, k) => ({ k, at: random.next() }))
          .sort((a, b) => a.at - b.at)
          .map(({ k }) => k),
      );
      const coefficients = projectConflicting(gram, orders, exact);
      for (const [i, order] of orders.entries()) {
        let g = rows[i]!.slice();
        for (const j of order.filter((k) => k !== i)) {
          const along = total(g.map((x, p) => x * rows[j]![p]!));
          const square = total(rows[j]!.map((x) => x * x));
          if (along < 0) g = g.map((x, p) => x - (along / square) * rows[j]![p]!);
        }
        const row = coefficients.slice(i * size, (i + 1) * size);
        const scale = total(rows.map((r, k) => Math.abs(row[k]!) * norm(r))) + 1e-300;
        const gap = norm(direction(rows, row).map((x, p) => x - g[p]!));
        expect(gap / scale, `seed ${seed}`).toBeLessThan(1e-9);
      }
    }
  });

  it('draws its orders from the random stream of the step alone', () => {
    const rows = [Float64Array.of(1, -2, 0), Float64Array.of(-2, 1, 1), Float64Array.of(0, 1, -2)];
    const at = (seed: number): string =>
      step('pcgrad', rows, { random: seededRandom(seed) }).weights.join();
    expect(at(1)).toBe(at(1));
    expect(new Set([1, 2, 3, 4, 5, 6].map(at)).size).toBeGreaterThan(1);
  });

  it('variants differ as published: itself included, eps, sum or mean', () => {
    // Turned round by the others, task 0 conflicts with itself.
    const gram = Float64Array.of(1, -0.9, -0.9, -0.9, 1, 0.62, -0.9, 0.62, 1);
    const orders = [[1, 2, 0], [0], [0]];
    const rowOf = (options: { includeSelf: boolean; eps: number }): Float64Array =>
      projectConflicting(gram, orders, options).slice(0, 3);
    expect(rowOf({ includeSelf: true, eps: 0 }).every(Number.isFinite)).toBe(true);
    const rows = [Float64Array.of(1, -2), Float64Array.of(-2, 1)];
    const weigh = (options: Record<string, unknown>): Float64Array =>
      createWeighting('pcgrad', 2, options).step(inputOf(rows)).weights;
    const sum = weigh({});
    expect(weigh({ reduction: 'mean' })).toEqual(sum.map((w) => w / 2));
    expect(weigh({ variant: 'nash' })).toEqual(sum);
    const damped = weigh({ variant: 'libmtl', eps: 5 });
    expect(damped[0]).toBeCloseTo(1 + 4 / 10, 12);
    expect(sum[0]).toBeCloseTo(1 + 4 / 5, 12);
  });
});

describe('grad-match', () => {
  it('finds the combination that the validation gradient is made of', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { rows, size } = gradientSet(seed, ['generic'], 0);
      const options = { ridge: 0 };
      const { weights, diagnostics } = createWeighting('gradmatch', size, options).step(
        inputOf(rows),
      );
      for (const [k, w] of weights.entries()) expect(w, `seed ${seed}`).toBeCloseTo(k + 1, 6);
      const square = inputOf(rows).validationNormSquared!;
      expect(Math.abs(diagnostics['objective'] as number) / square).toBeLessThan(1e-12);
    }
  });

  it('leaves everything at 0 where nothing agrees, and says so; on the simplex it totals 1', () => {
    const input: WeightingInput = {
      gram: Float64Array.of(1, 0, 0, 1),
      gains: Float64Array.of(-1, -2),
      validationNormSquared: 5,
      random: seededRandom(1),
    };
    const free = createWeighting('gradmatch', 2).step(input);
    expect([...free.weights]).toEqual([0, 0]);
    expect(free.diagnostics).toMatchObject({ degenerate: 1, objective: 5 });
    const simplex = createWeighting('gradmatch', 2, { constraint: 'simplex' }).step(input);
    expect(total(simplex.weights)).toBeCloseTo(1, 14);
    expect(simplex.weights[0]).toBeGreaterThan(simplex.weights[1]!);
  });
});
