import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { readFileSync } from 'node:fs';
import { seededRandom } from '../../src/core/index.ts';
import {
  type ModelIo,
  type ModelSettings,
  namedParameters,
  byName,
  type ParameterPlan,
  type ParameterTensors,
  type ParameterVectors,
  type Rows,
} from '../../src/model/index.ts';

/** Values computed at once, in plain JavaScript. */
export async function eager(): Promise<void> {
  await tf.setBackend('cpu');
  await tf.ready();
}

export const toySettings: ModelSettings = {
  hidden: 8,
  layers: 2,
  heads: 2,
  feedForward: 12,
  labelEmbedding: 4,
  headHidden: 6,
  inverseHidden: 6,
  temporal: 'none',
  likelihood: 'gaussian',
  policyHead: 'inverse',
};
export const toyIo: ModelIo = { tasks: 3, steps: 12, features: 3 };

export function tensorsOf(plan: ParameterPlan, vectors: ParameterVectors): ParameterTensors {
  const named = namedParameters(plan, vectors);
  return byName(
    named.map((n) => n.parameter),
    named.map(({ parameter, data }) => tf.tensor(data.slice(), [...parameter.shape])),
  );
}

/** Random trajectories, everything unmasked. */
export function randomRows(io: ModelIo, count: number, seed: number): Rows {
  const random = seededRandom(seed, 77);
  const draw = (shape: number[], f: () => number): tf.Tensor =>
    tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, f), shape);
  const normal = (): number => random.normal();
  return {
    states: draw([count, io.steps + 1, io.features], normal),
    label: draw([count, 1], () => random.next()),
    mask: draw([count, io.steps], () => 1),
    action: draw([count, io.steps], normal),
  };
}

export interface Golden {
  readonly shape: number[];
  readonly data: number[];
}
export interface GoldenModel {
  readonly config: Record<
    'T' | 'S' | 'K' | 'h' | 'heads' | 'ffn' | 'L' | 'E' | 'fh' | 'ih',
    number
  >;
  readonly inputs: { states: Golden; y: Golden; mask: Golden; task: number[]; dimWeight: Golden };
  readonly params: Record<string, Golden>;
  readonly outputs: {
    z: Golden;
    hidden: Golden;
    heads: { mean: Golden; logStd: Golden }[];
    loss: number[];
    inverse: { t: number; input: Golden; output: Golden }[];
  };
  readonly gradsPerTask: Record<string, Golden>[];
}

export function goldenModel(): GoldenModel {
  const file = new URL('../golden/golden-model.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { case: GoldenModel }).case;
}

/** Largest |a - b| / (atol + rtol |b|): at most 1 when close. */
export function worst(a: ArrayLike<number>, b: ArrayLike<number>, atol: number, rtol: number) {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const expected = b[i] ?? Number.NaN;
    const ratio = Math.abs((a[i] ?? Number.NaN) - expected) / (atol + rtol * Math.abs(expected));
    most = Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : Math.max(most, ratio);
  }
  return most;
}
