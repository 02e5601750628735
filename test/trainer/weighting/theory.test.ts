import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../src/core/index.ts';
import { createWeighting } from '../../../src/trainer/weighting/index.ts';
import { gramOf } from '../../helpers/weighting-inputs.ts';

/**
 * The paper's section 3.3 against the code, with what of it holds. Assumption 1 as printed bounds
 * the loss itself; the proof bounds the Hessian, so L is its largest eigenvalue here. Assumption 2 is
 * G, the largest gradient met on the way. Of Assumption 3 the proof uses gamma alone, never M.
 * Everything is for exact gradients: with batches, weights and step share their noise.
 */

type Row = Float64Array;
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, x, i) => sum + x * b[i]!, 0);
const norm = (a: Row): number => Math.sqrt(dot(a, a));
const total = (xs: Iterable<number>): number => [...xs].reduce((a, b) => a + b, 0);
const combine = (weights: ArrayLike<number>, rows: readonly Row[]): Row =>
  rows[0]!.map((_, p) => rows.reduce((sum, row, k) => sum + weights[k]! * row[p]!, 0));

/** The paper's weights, from gradients as the learner hands them on. */
function weigh(lambda: number, rows: readonly Row[], v: Row): Float64Array {
  return createWeighting('vamo', rows.length, { preset: 'paper', lambda }).step({
    gram: gramOf(rows),
    gains: gramOf([v], rows),
    validationNormSquared: dot(v, v),
    random: seededRandom(1),
  }).weights;
}

const component = fc.integer({ min: -3000, max: 3000 }).map((x) => x / 1000);
const vector = fc.array(component, { minLength: 5, maxLength: 5 }).map((x) => Float64Array.from(x));
const scale = fc.integer({ min: -8, max: 8 }).map((e) => 10 ** e);
const ADVERSARIES: Readonly<Record<string, (rows: readonly Row[], v: Row) => Row>> = {
  any: (_, v) => v,
  'against the first task': (rows) => rows[0]!.map((x) => -x),
  'against the sum': (rows) =>
    combine(
      [...rows].fill(new Float64Array(0)).map(() => -1),
      rows,
    ),
  'along the last task': (rows) => rows.at(-1)!,
  zero: (_, v) => v.map(() => 0),
  'almost a tie': (rows, v) => v.map((x, p) => x * 1e-9 + rows[0]![p]! - rows.at(-1)![p]!),
};
const problem = fc.record({
  rows: fc.array(fc.tuple(vector, scale), { minLength: 1, maxLength: 7 }),
  v: vector,
  adversary: fc.constantFrom(...Object.keys(ADVERSARIES)),
  lambda: fc.integer({ min: -6, max: 6 }).map((e) => 10 ** e),
});

describe('Lemma 1', () => {
  it('<v, d> is within lambda log K of the best convex combination, on any gradients', () => {
    fc.assert(
      fc.property(problem, ({ rows: given, v: free, adversary, lambda }) => {
        const rows = given.map(([row, by]) => row.map((x) => x * by));
        const v = ADVERSARIES[adversary]!(rows, free);
        const d = combine(weigh(lambda, rows, v), rows);
        // A linear form over the simplex is largest in a corner.
        const best = Math.max(...rows.map((row) => dot(v, row)));
        const rounding = 1e-12 * norm(v) * total(rows.map(norm));
        expect(dot(v, d)).toBeGreaterThanOrEqual(best - lambda * Math.log(rows.length) - rounding);
        expect(dot(v, d)).toBeLessThanOrEqual(best + rounding);
      }),
      { numRuns: 300 },
    );
  });

  it('is nearly tight: with many tasks some gains come close to its bound', () => {
    const tasks = 400;
    const e = Float64Array.of(1);
    const rows = Array.from({ length: tasks }, (_, k) => Float64Array.of(k === 0 ? 4.5 : 0));
    const gap = 4.5 - dot(weigh(1, rows, e), gramOf([e], rows));
    expect(gap).toBeLessThanOrEqual(Math.log(tasks));
    expect(gap).toBeGreaterThan(0.6 * Math.log(tasks));
  });
});

describe('the softmax and eq. 8', () => {
  const gains = fc.array(component, { minLength: 2, maxLength: 6 });
  const masses = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 6, maxLength: 6 });
  const phi = (w: ArrayLike<number>, m: readonly number[], lambda: number): number =>
    dot(w, m) - lambda * total(Array.from(w, (x) => (x > 0 ? x * Math.log(x) : 0)));

  it('falls short of its optimum by lambda times the divergence of any other point', () => {
    fc.assert(
      fc.property(gains, masses, fc.constantFrom(0.05, 0.3, 1, 20), (m, mass, lambda) => {
        const best = weigh(
          lambda,
          m.map((x) => Float64Array.of(x)),
          Float64Array.of(1),
        );
        const used = mass.slice(0, m.length);
        const other = used.map((x) => x / total(used));
        const divergence = total(
          // log of the softmax itself, where its entries may be too small for a double
          other.map((x, k) => x * (Math.log(x) - (m[k]! - logSumExp(m, lambda)) / lambda)),
        );
        expect(phi(best, m, lambda) - phi(other, m, lambda)).toBeCloseTo(lambda * divergence, 9);
      }),
    );
  });

  const logSumExp = (m: readonly number[], lambda: number): number => {
    const top = Math.max(...m);
    return top + lambda * Math.log(total(m.map((x) => Math.exp((x - top) / lambda))));
  };

  it('its value there is lambda log sum exp(m / lambda), eq. 15', () => {
    fc.assert(
      fc.property(gains, fc.constantFrom(0.05, 0.3, 1, 20), (m, lambda) => {
        const best = weigh(
          lambda,
          m.map((x) => Float64Array.of(x)),
          Float64Array.of(1),
        );
        expect(phi(best, m, lambda)).toBeCloseTo(logSumExp(m, lambda), 9);
      }),
    );
  });
});

/** 1/2 (theta - c)' diag(h) (theta - c). */
interface Quadratic {
  readonly h: Row;
  readonly c: Row;
}
const gradient = ({ h, c }: Quadratic, theta: Row): Row => theta.map((x, p) => h[p]! * (x - c[p]!));
const value = ({ h, c }: Quadratic, theta: Row): number =>
  0.5 * total(theta.map((x, p) => h[p]! * (x - c[p]!) ** 2));

/** K tasks, their held-out losses, and the mean of these with its smoothness and its least value. */
interface World {
  readonly train: readonly Quadratic[];
  readonly validation: readonly Quadratic[];
  readonly smoothness: number;
  readonly least: number;
}

const P = 4;
function worldOf(train: readonly Quadratic[], validation: readonly Quadratic[]): World {
  const K = validation.length;
  const h = Float64Array.from({ length: P }, (_, p) => total(validation.map((q) => q.h[p]!)) / K);
  const minimiser = h.map((x, p) => total(validation.map((q) => q.h[p]! * q.c[p]!)) / K / x);
  const least = total(validation.map((q) => value(q, minimiser))) / K;
  return { train, validation, smoothness: Math.max(...h), least };
}

function randomQuadratic(random: Random): Quadratic {
  return {
    h: Float64Array.from({ length: P }, () => 0.2 + 1.8 * random.next()),
    c: Float64Array.from({ length: P }, () => 2 * random.normal()),
  };
}

/** The held-out day is the training data itself: the mean gain is ||v||^2, so gamma = 1 is known. */
function sameDay(seed: number, K: number): World {
  const random = seededRandom(seed, 1);
  const tasks = Array.from({ length: K }, () => randomQuadratic(random));
  return worldOf(tasks, tasks);
}

/** The held-out day has moved a little. */
function movedDay(seed: number, K: number): World {
  const random = seededRandom(seed, 2);
  const train = Array.from({ length: K }, () => randomQuadratic(random));
  const moved = train.map(({ h, c }) => ({
    h: h.map((x) => x * (1 + 0.1 * random.normal() ** 2)),
    c: c.map((x) => x + 0.1 * random.normal()),
  }));
  return worldOf(train, moved);
}

interface Walk {
  /** Per step: ||v||^2, max_k m_k / ||v||^2, max_k ||g_k||, held-out loss before. */
  readonly squares: readonly number[];
  readonly coverage: readonly number[];
  readonly sizes: readonly number[];
  readonly losses: readonly number[];
}

/** theta <- theta - eta_i d_i from a fixed start, losses of all points visited. */
function walk(
  world: World,
  steps: number,
  at: (i: number) => { eta: number; lambda: number },
): Walk {
  const K = world.train.length;
  const [squares, coverage, sizes, losses]: [number[], number[], number[], number[]] = [
    [],
    [],
    [],
    [],
  ];
  let theta: Row = new Float64Array(P).fill(5);
  const heldOut = (): number => total(world.validation.map((q) => value(q, theta))) / K;
  for (let i = 0; i < steps; i++) {
    const { eta, lambda } = at(i);
    const rows = world.train.map((q) => gradient(q, theta));
    const v = combine(
      new Float64Array(K).fill(1 / K),
      world.validation.map((q) => gradient(q, theta)),
    );
    squares.push(dot(v, v));
    coverage.push(Math.max(...rows.map((row) => dot(v, row))) / dot(v, v));
    sizes.push(Math.max(...rows.map(norm)));
    losses.push(heldOut());
    const d = combine(weigh(lambda, rows, v), rows);
    theta = theta.map((x, p) => x - eta * d[p]!);
  }
  losses.push(heldOut());
  return { squares, coverage, sizes, losses };
}

/** Right side of eq. 14 after I steps. */
function bound(
  { smoothness, least }: World,
  { losses }: Walk,
  {
    eta,
    lambda,
    gamma,
    G,
    K,
  }: { eta: number; lambda: number; gamma: number; G: number; K: number },
  I: number,
): number {
  const start = (losses[0]! - least) / (eta * gamma * I);
  return start + (lambda * Math.log(K)) / gamma + (smoothness * G * G * eta) / (2 * gamma);
}

const SETTINGS = [
  { eta: 0.05, lambda: 0.01 },
  { eta: 0.2, lambda: 0.3 },
  { eta: 0.02, lambda: 1 },
  { eta: 0.1, lambda: 0 },
];

describe('Theorem 1 on quadratics', () => {
  it.each(SETTINGS)(
    'bounds the mean of ||v||^2 where gamma = 1 is known: %j',
    ({ eta, lambda }) => {
      for (let seed = 0; seed < 6; seed++) {
        const K = 2 + (seed % 4);
        const world = sameDay(seed, K);
        const seen = walk(world, 200, () => ({ eta, lambda }));
        expect(Math.min(...seen.coverage)).toBeGreaterThanOrEqual(1 - 1e-9);
        const known = { eta, lambda, gamma: 1, G: Math.max(...seen.sizes), K };
        for (const I of [1, 5, 20, 100, 200])
          expect(total(seen.squares.slice(0, I)) / I).toBeLessThanOrEqual(
            bound(world, seen, known, I),
          );
      }
    },
  );

  it.each(SETTINGS)(
    'and with the gamma of a held-out day that has moved: %j',
    ({ eta, lambda }) => {
      let checked = 0;
      for (let seed = 0; seed < 6; seed++) {
        const K = 2 + (seed % 4);
        const world = movedDay(seed, K);
        const seen = walk(world, 200, () => ({ eta, lambda }));
        const gamma = Math.min(1, ...seen.coverage);
        if (gamma <= 0.01) continue; // Assumption 3 fails on the way: nothing is claimed
        checked++;
        const known = { eta, lambda, gamma, G: Math.max(...seen.sizes), K };
        for (const I of [1, 5, 20, 100, 200])
          expect(total(seen.squares.slice(0, I)) / I).toBeLessThanOrEqual(
            bound(world, seen, known, I),
          );
      }
      expect(checked).toBeGreaterThanOrEqual(2);
    },
  );

  it('each step keeps the descent of eq. 27b, from which the bound is summed', () => {
    for (const { eta, lambda } of SETTINGS) {
      const world = sameDay(9, 3);
      const { squares, losses, sizes } = walk(world, 100, () => ({ eta, lambda }));
      squares.forEach((square, i) => {
        const curve = (world.smoothness * (eta * sizes[i]!) ** 2) / 2;
        const most = losses[i]! - eta * (square - lambda * Math.log(3)) + curve;
        expect(losses[i + 1]!).toBeLessThanOrEqual(most + 1e-12);
      });
    }
  });

  it('says nothing near a minimum: its floor is lambda log K / gamma, 1.0986 at 1 and K = 3', () => {
    const world = sameDay(4, 3);
    const seen = walk(world, 400, () => ({ eta: 0.05, lambda: 1 }));
    const known = { eta: 0.05, lambda: 1, gamma: 1, G: 0, K: 3 };
    expect(bound(world, seen, known, 1e9)).toBeGreaterThan(1.0986);
    expect(seen.squares.at(-1)).toBeLessThan(1.0986);
  });

  it('needs Assumption 3: where every task conflicts, a step of total weight 1 raises the loss', () => {
    const rows = [Float64Array.of(-1, 0.2), Float64Array.of(-0.5, -0.4)];
    const v = Float64Array.of(1, 0);
    for (const lambda of [0, 0.1, 1, Infinity])
      expect(dot(v, combine(weigh(lambda, rows, v), rows))).toBeLessThan(0);
  });
});

describe('Corollary 1', () => {
  // 0.3 / (i + 1)^0.6: the sum diverges, the sum of squares converges.
  const eta = (i: number): number => 0.3 / (i + 1) ** 0.6;
  const meanTo = (seen: Walk, I: number): number => total(seen.squares.slice(0, I)) / I;

  it.each([
    ['lambda = 0', () => 0],
    ['lambda in step with eta', eta],
  ])('with decreasing steps and %s the mean of ||v||^2 goes to 0', (_, lambda) => {
    for (const seed of [1, 2]) {
      const seen = walk(sameDay(seed, 3), 2000, (i) => ({ eta: eta(i), lambda: lambda(i) }));
      // The limit alone is checked: the O(1/I) that is printed does not follow from these steps.
      const [early, middle, late] = [20, 200, 2000].map((I) => meanTo(seen, I));
      expect(middle!).toBeLessThan(0.25 * early!);
      expect(late!).toBeLessThan(0.25 * middle!);
      expect(seen.squares.at(-1)!).toBeLessThan(1e-2);
    }
  });
});
