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

/**
 * A golden tensor as float32. `jitter` moves every element by a float32 rounding, up or down: what
 * that changes in a result is what rounding may change in it.
 */
export function tensor({ shape, data }: Golden, jitter: boolean): tf.Tensor {
  const values = Float32Array.from(data, (x, i) =>
    jitter ? x * (1 + ((i * 7) % 5 < 2 ? 1 : -1) * 2 ** -23) : x,
  );
  return tf.tensor(values, shape, 'float32');
}

/** Numbers by name. */
export type Numbers = ReadonlyMap<string, ArrayLike<number>>;

/** What was computed from a case's inputs, and from its inputs rounded once more. */
export interface Computed {
  readonly numbers: Numbers;
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

/** Most that a float32 result of its size may be off: a share of it, and of its tensor's size. */
const RELATIVE = 5e-3;
const OF_TENSOR = 5e-7;
/** Roundings of intermediate results for one of each input. */
const ROUNDINGS = 30;
/** Beside its tensor's size a number below this is what float64 left of a zero. */
const RESIDUE = 1e-14;

/**
 * The first number that is not what is expected, within the reference's tolerance for float32 and,
 * so that one wrong by 1 % is noticed, within 0.5 %; only numbers that rounding moves may be off
 * more, up to 5e-7 of their tensor's size. Every expected list must have been computed.
 */
export function firstDifference(
  { numbers, jittered }: Computed,
  expected: readonly [string, ArrayLike<number>][],
  toleranceOf: (path: string) => Tolerance,
): string | undefined {
  for (const [path, values] of expected) {
    const [found, again] = [numbers.get(path), jittered.get(path)];
    if (found?.length !== values.length || again?.length !== values.length)
      return `${path}: ${found ? 'another length' : 'missing'}`;
    const size = Math.sqrt(Array.from(values).reduce((sum, x) => sum + x * x, 0) / values.length);
    const { atol, rtol } = toleranceOf(path);
    for (let i = 0; i < values.length; i++) {
      const [a, b, c] = [found[i] ?? NaN, values[i] ?? NaN, again[i] ?? NaN];
      const isResidue = Math.abs(b) < Math.min(RESIDUE * size, 1e-3 * Math.abs(a));
      const spread = isResidue ? Infinity : ROUNDINGS * Math.abs(a - c);
      const noise = Math.min(OF_TENSOR * size, spread);
      const most = Math.min(atol + rtol * Math.abs(b), RELATIVE * Math.abs(b) + noise);
      if (!(Math.abs(a - b) <= most)) return `${path}[${i}]: ${a}, expected ${b}`;
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
