import { sizeOf, type Value } from '../graph.ts';
import { reshape, slice, transpose } from '../layout.ts';
import { aligned, dense, isUniform, operand, type Operand } from '../operand.ts';
import type { KernelCall, Kernels } from './kernel.ts';

/** The operand in another shape. One element standing for all goes on doing so. */
function reshaped({ graph }: KernelCall, x: Operand, shape: readonly number[]): Operand {
  if (isUniform(x)) return operand(reshape(graph, x.value, []), x.dtype, shape);
  return operand(reshape(graph, dense(graph, x), shape), x.dtype);
}

/** `shape` with its one -1 worked out. */
function completed(shape: readonly number[], size: number): number[] {
  const known = shape.reduce((product, length) => (length < 0 ? product : product * length), 1);
  return shape.map((length) => (length < 0 ? size / known : length));
}

function concatenated({ graph }: KernelCall, list: readonly Value[], axis: number): Value {
  const [first] = list;
  if (first === undefined || list.length === 1) return first ?? graph.scalar(0, 'float32');
  const total = list.reduce((sum, x) => sum + (x.shape[axis] ?? 1), 0);
  const shape = first.shape.map((length, index) => (index === axis ? total : length));
  return graph.apply('Concat', list, { shape, type: first.type }, { axis });
}

/** Cuts x along an axis into parts of the given lengths. */
function split({ graph }: KernelCall, x: Operand, axis: number, lengths: readonly number[]) {
  const shapes = lengths.map((length) =>
    x.shape.map((old, index) => (index === axis ? length : old)),
  );
  if (isUniform(x)) return shapes.map((shape) => operand(x.value, x.dtype, shape));
  if (lengths.length === 1) return [x];
  const results = shapes.map((shape) => ({ shape, type: x.value.type }));
  return graph
    .applyMany('Split', [dense(graph, x), graph.int64(lengths)], results, { axis })
    .map((value) => operand(value, x.dtype));
}

const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Parts of a SplitV call: a count of equal parts, or lengths of which one may be -1. */
function partLengths(call: KernelCall, length: number): number[] {
  const parts = call.numbers('numOrSizeSplits');
  const [count = 1] = parts;
  if (parts.length === 1 && count > 1) return Array<number>(count).fill(length / count);
  const known = parts.reduce((sum, part) => sum + Math.max(part, 0), 0);
  return parts.map((part) => (part < 0 ? length - known : part));
}

export const shapeKernels: Kernels = {
  Reshape: (call) => {
    const x = call.input('x');
    return reshaped(call, x, completed(call.numbers('shape'), sizeOf(x.shape)));
  },
  ExpandDims: (call) => {
    const x = call.input('input');
    const axis = fromFront(call.number('dim'), x.shape.length + 1);
    return reshaped(call, x, x.shape.toSpliced(axis, 0, 1));
  },
  Transpose: (call) => {
    const x = call.input('x');
    const permutation = call.numbers('perm');
    const shape = permutation.map((axis) => x.shape[axis] ?? 1);
    if (isUniform(x)) return operand(x.value, x.dtype, shape);
    return operand(transpose(call.graph, aligned(call.graph, x), permutation), x.dtype, shape);
  },
  Concat: (call) => {
    const list = call.list.filter((x) => sizeOf(x.shape) > 0);
    const axis = fromFront(call.number('axis'), call.list[0]?.shape.length ?? 1);
    const values = list.map((x) => dense(call.graph, x));
    return operand(concatenated(call, values, axis), call.list[0]?.dtype ?? 'float32');
  },
  Pack: (call) => {
    const rank = (call.list[0]?.shape.length ?? 0) + 1;
    const axis = fromFront(call.number('axis'), rank);
    const values = call.list.map((x) =>
      reshape(call.graph, dense(call.graph, x), x.shape.toSpliced(axis, 0, 1)),
    );
    return operand(concatenated(call, values, axis), call.list[0]?.dtype ?? 'float32');
  },
  Unpack: (call) => {
    const x = call.input('value');
    const axis = fromFront(call.number('axis'), x.shape.length);
    const lengths = Array<number>(x.shape[axis] ?? 1).fill(1);
    return split(call, x, axis, lengths).map((part) =>
      reshaped(call, part, x.shape.toSpliced(axis, 1)),
    );
  },
  SplitV: (call) => {
    const x = call.input('x');
    const axis = fromFront(call.number('axis'), x.shape.length);
    return split(call, x, axis, partLengths(call, x.shape[axis] ?? 1));
  },
  Slice: (call) => {
    const x = call.input('x');
    const begin = call.numbers('begin');
    const size = call
      .numbers('size')
      .map((length, axis) => (length < 0 ? (x.shape[axis] ?? 1) - (begin[axis] ?? 0) : length));
    if (isUniform(x)) return operand(x.value, x.dtype, size);
    return operand(slice(call.graph, dense(call.graph, x), begin, size), x.dtype);
  },
  PadV2: (call) => {
    const { graph } = call;
    const x = call.input('x');
    const paddings = call.pairs('paddings');
    if (paddings.every(([before, after]) => before + after === 0)) return x;
    const shape = x.shape.map(
      (length, axis) => length + (paddings[axis]?.[0] ?? 0) + (paddings[axis]?.[1] ?? 0),
    );
    const amounts = graph.int64([
      ...paddings.map(([before]) => before),
      ...paddings.map(([, after]) => after),
    ]);
    const fill = graph.scalar(call.number('constantValue'), x.dtype);
    return operand(
      graph.apply('Pad', [dense(graph, x), amounts, fill], { shape, type: x.dtype }),
      x.dtype,
    );
  },
  Tile: (call) => {
    const { graph } = call;
    const x = call.input('x');
    const repeats = call.numbers('reps');
    const shape = x.shape.map((length, axis) => length * (repeats[axis] ?? 1));
    const isSpread = x.shape.every((length, axis) => length === 1 || repeats[axis] === 1);
    if (isSpread || isUniform(x)) return operand(x.value, x.dtype, shape);
    const inputs = [dense(graph, x), graph.int64(repeats)];
    return operand(graph.apply('Tile', inputs, { shape, type: x.dtype }), x.dtype);
  },
  Reverse: (call) => {
    const { graph } = call;
    const x = call.input('x');
    const axes = call.numbers('dims').map((axis) => fromFront(axis, x.shape.length));
    if (isUniform(x) || axes.length === 0) return x;
    const inputs = [
      dense(graph, x),
      graph.int64(axes.map(() => -1)),
      graph.int64(axes.map((axis) => -(x.shape[axis] ?? 0) - 1)),
      graph.int64(axes),
      graph.int64(axes.map(() => -1)),
    ];
    return operand(graph.apply('Slice', inputs, { shape: x.shape, type: x.dtype }), x.dtype);
  },
};
