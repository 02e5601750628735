import { binary } from '../arithmetic.ts';
import { sizeOf, type Graph, type Value } from '../graph.ts';
import { cast, reshape } from '../layout.ts';
import { ONNX_TYPE } from '../onnx.ts';
import { aligned, dense, isUniform, operand, type Operand } from '../operand.ts';
import { converted } from './convert.ts';
import { unsupported, type Kernel, type KernelCall, type Kernels } from './kernel.ts';

type Reduction = 'ReduceSum' | 'ReduceMax' | 'ReduceMin' | 'ReduceProd';

/** The axes a call names, from the front; none named means all. */
function axesOf(call: KernelCall, x: Operand, attribute = 'axis'): number[] {
  const rank = x.shape.length;
  if (!call.has(attribute)) return x.shape.map((_, axis) => axis);
  return call.numbers(attribute).map((axis) => (axis < 0 ? axis + rank : axis));
}

function without(shape: readonly number[], axes: readonly number[], keep: boolean): number[] {
  return keep
    ? shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
    : shape.filter((_, axis) => !axes.includes(axis));
}

/** Reduces the stored elements; axes that are only spread have one and are dropped for nothing. */
function reduced(call: KernelCall, op: Reduction, x: Operand, axes: readonly number[]): Operand {
  const { graph } = call;
  const keep = call.flag('keepDims');
  const shape = without(x.shape, axes, keep);
  if (isUniform(x)) return operand(reshape(graph, x.value, []), x.dtype, shape);
  const value = aligned(graph, x);
  const stored = without(value.shape, axes, keep);
  if (sizeOf(stored) === sizeOf(value.shape)) {
    return operand(reshape(graph, value, stored), x.dtype, shape);
  }
  const staged = op === 'ReduceSum' ? summedOverRows(graph, value, axes) : undefined;
  if (staged !== undefined) return operand(reshape(graph, staged, stored), x.dtype, shape);
  return operand(applied(graph, op, value, axes, keep), x.dtype, shape);
}

function applied(
  graph: Graph,
  op: Reduction,
  x: Value,
  axes: readonly number[],
  keep: boolean,
): Value {
  return graph.apply(
    op,
    [x, graph.int64(axes)],
    { shape: without(x.shape, axes, keep), type: x.type },
    { keepdims: keep ? 1 : 0 },
  );
}

/** Sums over fewer rows are not worth a second node. */
const MANY_ROWS = 512;
/** Elements of an intermediate sum: they fit the processor's nearest cache. */
const SUM_WIDTH = 4096;

/**
 * The sum over all leading axes, [columns], in two stages: groups of rows side by side, then the
 * groups. The runtime gives each thread some columns, and a narrow matrix would leave it a few
 * bytes of every row. Undefined where one stage will do.
 */
function summedOverRows(graph: Graph, x: Value, axes: readonly number[]): Value | undefined {
  const columns = x.shape.at(-1) ?? 1;
  const rows = sizeOf(x.shape) / columns;
  const isLeading = axes.length === x.shape.length - 1 && !axes.includes(x.shape.length - 1);
  if (!isLeading || rows < MANY_ROWS || columns === 1) return undefined;
  let groups = Math.max(1, Math.floor(SUM_WIDTH / columns));
  while (rows % groups !== 0) groups--;
  if (groups === 1) return undefined;
  const wide = reshape(graph, x, [rows / groups, groups * columns]);
  const parts = reshape(graph, applied(graph, 'ReduceSum', wide, [0], false), [groups, columns]);
  return applied(graph, 'ReduceSum', parts, [0], false);
}

/** How many elements of the operand one stored element stands for along `axes`. */
function repetition(x: Operand, axes: readonly number[]): number {
  const offset = x.shape.length - x.value.shape.length;
  return axes.reduce(
    (product, axis) => product * ((x.shape[axis] ?? 1) / (x.value.shape[axis - offset] ?? 1)),
    1,
  );
}

function times({ graph }: KernelCall, x: Operand, factor: number): Operand {
  const value = binary(graph, 'Mul', x.value, graph.scalar(factor, x.dtype));
  return operand(value, x.dtype, x.shape);
}

const extreme =
  (op: Reduction): Kernel =>
  (call) => {
    const x = call.input('x');
    return reduced(
      call,
      op,
      x,
      axesOf(call, x, call.has('reductionIndices') ? 'reductionIndices' : 'axis'),
    );
  };

/** All and Any are the least and the greatest of 0 and 1. */
const logical =
  (op: Reduction): Kernel =>
  (call) => {
    const x = converted(call.graph, call.input('x'), 'int32');
    return converted(call.graph, reduced(call, op, x, axesOf(call, x)), 'bool');
  };

/** Position of the first greatest or least element along one axis. */
const position =
  (op: 'ArgMax' | 'ArgMin'): Kernel =>
  (call) => {
    const { graph } = call;
    const x = call.input('x');
    const [axis = 0] = axesOf(call, x);
    const shape = without(x.shape, [axis], false);
    const found = graph.apply(
      op,
      [dense(graph, x)],
      { shape, type: 'int64' },
      { axis, keepdims: 0 },
    );
    return operand(cast(graph, found, 'int32', ONNX_TYPE.int32), 'int32');
  };

function softmax(call: KernelCall, x: Value): Operand {
  const dimension = call.number('dim');
  const axis = dimension < 0 ? dimension + x.shape.length : dimension;
  return operand(call.graph.apply('Softmax', [x], x, { axis }), 'float32');
}

export const reduceKernels: Kernels = {
  Sum: (call) => {
    const x = call.input('x');
    const numbers = x.dtype === 'bool' ? converted(call.graph, x, 'int32') : x;
    const axes = axesOf(call, x);
    return times(call, reduced(call, 'ReduceSum', numbers, axes), repetition(x, axes));
  },
  Mean: (call) => {
    const x = converted(call.graph, call.input('x'), 'float32');
    const axes = axesOf(call, x);
    const count = sizeOf(axes.map((axis) => x.shape[axis] ?? 1));
    const sum = reduced(call, 'ReduceSum', x, axes);
    return times(call, sum, repetition(x, axes) / count);
  },
  Prod: (call) => {
    const x = call.input('x');
    return reduced(call, 'ReduceProd', { ...x, value: dense(call.graph, x) }, axesOf(call, x));
  },
  Max: extreme('ReduceMax'),
  Min: extreme('ReduceMin'),
  All: logical('ReduceMin'),
  Any: logical('ReduceMax'),
  ArgMax: position('ArgMax'),
  ArgMin: position('ArgMin'),
  Softmax: (call) => softmax(call, dense(call.graph, call.input('logits'))),
  Cumsum: (call) => {
    const { graph } = call;
    const x = call.input('x');
    if (x.dtype === 'bool') throw unsupported(call, 'bool');
    const [axis = 0] = axesOf(call, x);
    const attributes = {
      exclusive: call.flag('exclusive') ? 1 : 0,
      reverse: call.flag('reverse') ? 1 : 0,
    };
    const inputs = [dense(graph, x), graph.scalar(axis, 'int64')];
    return operand(
      graph.apply('CumSum', inputs, { shape: x.shape, type: x.dtype }, attributes),
      x.dtype,
    );
  },
};
