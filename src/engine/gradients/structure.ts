import * as tf from '@tensorflow/tfjs-core';
import {
  at,
  gathered,
  ofBoth,
  ofInputs,
  ofList,
  ofOutput,
  ofParts,
  type Gradient,
} from './gradient.ts';

type Attributes = Readonly<Record<string, unknown>>;

const numbers = (attributes: Attributes, name: string): number[] => {
  const value = attributes[name];
  return Array.isArray(value) ? value.map(Number) : [Number(value)];
};

/** A reduction's axes from the front; none named means all. */
function reductionAxes(attributes: Attributes, rank: number): number[] {
  const named = attributes['axis'] ?? attributes['reductionIndices'];
  if (named === undefined || named === null) return Array.from({ length: rank }, (_, axis) => axis);
  return tf.util.parseAxisParam(named as number | number[], Array<number>(rank).fill(1));
}

/** A reduced tensor with its lost axes back at length 1. */
function restored(y: tf.Tensor, shape: readonly number[], axes: readonly number[]): tf.Tensor {
  return tf.reshape(
    y,
    shape.map((length, axis) => (axes.includes(axis) ? 1 : length)),
  );
}

/** Spreads a sum's gradient over what was summed. */
function spread(dy: tf.Tensor, x: tf.Tensor, attributes: Attributes): tf.Tensor {
  return tf.mul(restored(dy, x.shape, reductionAxes(attributes, x.rank)), tf.ones(x.shape));
}

/** The gradient of a maximum or minimum goes to every element that equals it. */
const extreme = (kernel: string): Gradient =>
  ofBoth(kernel, ['x'], (dy, saved, attributes) => ({
    x: () => {
      const [x, y] = [at(saved, 0), at(saved, 1)];
      const axes = reductionAxes(attributes, x.rank);
      const isExtreme = tf.cast(tf.equal(x, restored(y, x.shape, axes)), 'float32');
      return tf.mul(restored(dy, x.shape, axes), isExtreme);
    },
  }));

const reductions: readonly Gradient[] = [
  ofInputs('Sum', ['x'], (dy, saved, attributes) => ({
    x: () => spread(dy, at(saved, 0), attributes),
  })),
  ofInputs('Mean', ['x'], (dy, saved, attributes) => ({
    x: () => {
      const x = at(saved, 0);
      const axes = reductionAxes(attributes, x.rank);
      const count = tf.util.sizeFromShape(axes.map((axis) => x.shape[axis] ?? 1));
      return spread(tf.mul(dy, 1 / count), x, attributes);
    },
  })),
  extreme('Max'),
  extreme('Min'),
  ofInputs('Cumsum', ['x'], (dy, saved, attributes) => ({
    x: () => {
      const [axis = 0] = reductionAxes(attributes, at(saved, 0).rank);
      return tf.cumsum(dy, axis, attributes['exclusive'] === true, attributes['reverse'] !== true);
    },
  })),
  ofOutput('Softmax', (dy, saved, attributes) => ({
    logits: () => {
      const y = at(saved, 0);
      const weighted = tf.mul(dy, y);
      return tf.sub(weighted, tf.mul(tf.sum(weighted, numbers(attributes, 'dim'), true), y));
    },
  })),
];

const products: readonly Gradient[] = [
  ofInputs('BatchMatMul', ['a', 'b'], (dy, saved, { transposeA, transposeB }) => {
    const [a, b] = [at(saved, 0), at(saved, 1)];
    const [ta, tb] = [transposeA === true, transposeB === true];
    const byA = ta ? () => tf.matMul(b, dy, tb, true) : () => tf.matMul(dy, b, false, !tb);
    const byB = tb ? () => tf.matMul(dy, a, true, ta) : () => tf.matMul(a, dy, !ta, false);
    return { a: () => gathered(byA(), a.shape), b: () => gathered(byB(), b.shape) };
  }),
];

const layouts: readonly Gradient[] = [
  ofInputs('Reshape', ['x'], (dy, saved) => ({ x: () => tf.reshape(dy, at(saved, 0).shape) })),
  ofInputs('ExpandDims', ['input'], (dy, saved) => ({
    input: () => tf.reshape(dy, at(saved, 0).shape),
  })),
  ofInputs('Transpose', [], (dy, _saved, attributes) => ({
    x: () => {
      const permutation = numbers(attributes, 'perm');
      return tf.transpose(
        dy,
        permutation.map((_, axis) => permutation.indexOf(axis)),
      );
    },
  })),
  ofInputs('Reverse', [], (dy, _saved, attributes) => ({
    x: () => tf.reverse(dy, numbers(attributes, 'dims')),
  })),
  ofInputs('Slice', ['x'], (dy, saved, attributes) => ({
    x: () => {
      const begin = numbers(attributes, 'begin');
      const paddings = at(saved, 0).shape.map((length, axis): [number, number] => {
        const before = begin[axis] ?? 0;
        return [before, length - before - (dy.shape[axis] ?? 0)];
      });
      return tf.pad(dy, paddings);
    },
  })),
  ofInputs('PadV2', ['x'], (dy, saved, attributes) => ({
    x: () => {
      const begin = (attributes['paddings'] as [number, number][]).map(([before]) => before);
      return tf.slice(dy, begin, at(saved, 0).shape);
    },
  })),
  // Along each axis the copies lie one after the other: [copies, length].
  ofInputs('Tile', ['x'], (dy, saved, attributes) => ({
    x: () => {
      const { shape, rank } = at(saved, 0);
      const copies = numbers(attributes, 'reps');
      const parted = tf.reshape(
        dy,
        shape.flatMap((length, axis) => [copies[axis] ?? 1, length]),
      );
      return tf.sum(
        parted,
        Array.from({ length: rank }, (_, axis) => 2 * axis),
      );
    },
  })),
  ofList('Concat', (dy, saved, attributes) => {
    const [axis = 0] = tf.util.parseAxisParam(attributes['axis'] as number, at(saved, 0).shape);
    const parts = tf.split(
      dy,
      saved.map(({ shape }) => shape[axis] ?? 0),
      axis,
    );
    return Object.fromEntries(parts.map((part, index) => [String(index), () => part]));
  }),
  ofList('Pack', (dy, _saved, attributes) => {
    const parts = tf.unstack(dy, Number(attributes['axis']));
    return Object.fromEntries(parts.map((part, index) => [String(index), () => part]));
  }),
  ofParts('Unpack', [], (dys, _saved, attributes) => ({
    value: () => tf.stack(dys, Number(attributes['axis'])),
  })),
  ofParts('SplitV', [], (dys, _saved, attributes) => ({
    x: () => tf.concat(dys, Number(attributes['axis'])),
  })),
  ofInputs('GatherV2', ['x', 'indices'], (dy, saved, attributes) => ({
    x: () => {
      const [x, indices] = [at(saved, 0), at(saved, 1)];
      const [axis = 0] = tf.util.parseAxisParam(attributes['axis'] as number, x.shape);
      return scattered(dy, x.shape, indices, axis);
    },
    indices: () => tf.cast(tf.zerosLike(at(saved, 1)), 'float32'),
  })),
];

/** Adds the slices of dy back to the places along `axis` that they were gathered from. */
function scattered(
  dy: tf.Tensor,
  shape: readonly number[],
  indices: tf.Tensor,
  axis: number,
): tf.Tensor {
  const before = shape.slice(0, axis);
  const after = shape.slice(axis + 1);
  const flat = tf.reshape(dy, [...before, indices.size, ...after]);
  const ids = tf.reshape(indices, [-1]);
  const others = flat.shape.map((_, index) => index).filter((index) => index !== axis);
  const inFront = [axis, ...others];
  const sums = tf.unsortedSegmentSum(
    tf.transpose(flat, inFront),
    tf.cast(ids, 'int32') as tf.Tensor1D,
    shape[axis] ?? 1,
  );
  return tf.transpose(
    sums,
    inFront.map((_, index) => inFront.indexOf(index)),
  );
}

export const structureGradients: readonly Gradient[] = [...reductions, ...products, ...layouts];
