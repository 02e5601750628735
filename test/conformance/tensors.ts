import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type { Tolerance } from './compare.ts';

/** A tensor in a reference file. */
export interface Golden {
  readonly shape: number[];
  readonly data: number[];
}

export type Goldens = Readonly<Record<string, Golden>>;

const isGolden = (value: unknown): value is Golden =>
  typeof value === 'object' && value !== null && 'shape' in value && 'data' in value;

/** A golden tensor. `jitter` moves every element by a float32 rounding, up or down. */
export function tensor({ shape, data }: Golden, jitter: boolean): tf.Tensor {
  const values = Float32Array.from(data, (x, i) =>
    jitter ? x * (1 + ((i * 7) % 5 < 2 ? 1 : -1) * 2 ** -23) : x,
  );
  return tf.tensor(values, shape, 'float32');
}

/** Numbers by name. */
export type Numbers = ReadonlyMap<string, ArrayLike<number>>;

/** What was computed from a case's inputs: as in production, in float64, and from inputs rounded. */
export interface Computed {
  /** float32, most of it by the compiled graph. */
  readonly single: Numbers;
  readonly double: Numbers;
  /** float64, from inputs that are off by a float32 rounding each. */
  readonly jittered: Numbers;
}

/** Every list and tensor of numbers of a part of a case, by its path. */
export function numbersIn(value: unknown, path: string): [string, number[]][] {
  if (isGolden(value)) return [[path, value.data]];
  if (typeof value === 'number') return [[path, [value]]];
  if (Array.isArray(value) && value.flat(9).every((x) => typeof x === 'number'))
    return [[path, value.flat(9) as number[]]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    numbersIn(inner, path === '' ? key : `${path}.${key}`),
  );
}

/** Most that a float32 result may be off: a share of it, and of its tensor's root mean square. */
const SINGLE = { relative: 5e-3, ofTensor: 5e-7 };
/**
 * Most that a float64 result may be off, as a share of it. The references have nine digits, and so have
 * the inputs they give; tfjs's erf has seven places. The worst number is off by 1.5e-4.
 */
const DOUBLE = 1e-3;
/** float64's rounding beside the rest of a tensor. */
const RESIDUE = 1e-15;

const sizeOf = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0) / values.length);

/**
 * Whether a number is what float64 left of an exact zero: nothing beside its tensor, and another
 * number altogether once the inputs are rounded. No digit of it can be foretold.
 */
const isResidue = (double: number, jittered: number, size: number): boolean =>
  Math.abs(double) < RESIDUE * size && Math.abs(jittered - double) > 0.1 * Math.abs(double);

/**
 * The first number that is not what is expected: in float32 within the reference's own tolerance, and
 * in float64 within 0.1 % of each number, however small, so that one wrong by 1 % is noticed. Every
 * expected list must have been computed.
 */
export function firstDifference(
  { single, double, jittered }: Computed,
  expected: readonly [string, ArrayLike<number>][],
  toleranceOf: (path: string) => Tolerance,
): string | undefined {
  for (const [path, values] of expected) {
    const lists = [single, double, jittered].map((numbers) => numbers.get(path));
    const [float32, float64, rounded] = lists;
    if (!float32 || !float64 || !rounded) return `${path}: missing`;
    if (lists.some((list) => list?.length !== values.length)) return `${path}: another length`;
    const size = sizeOf(values);
    const { atol, rtol } = toleranceOf(path);
    for (let i = 0; i < values.length; i++) {
      const b = values[i] ?? NaN;
      const [a, c, d] = [float32[i] ?? NaN, float64[i] ?? NaN, rounded[i] ?? NaN];
      const own = SINGLE.relative * Math.abs(b) + SINGLE.ofTensor * size;
      if (!(Math.abs(a - b) <= Math.min(atol + rtol * Math.abs(b), own)))
        return `${path}[${i}]: ${a}, expected ${b}`;
      const within = isResidue(c, d, size) ? RESIDUE * size : DOUBLE * Math.abs(b);
      if (!(Math.abs(c - b) <= within)) return `${path}[${i}]: ${c} in float64, expected ${b}`;
    }
  }
  return undefined;
}

/** Runs `compute` on tfjs's CPU backend; tensors it makes are gone afterwards. */
export async function eagerly<T>(compute: () => T): Promise<T> {
  await tf.setBackend('cpu');
  await tf.ready();
  tf.engine().startScope();
  try {
    return compute();
  } finally {
    tf.engine().endScope();
  }
}
