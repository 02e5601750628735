import type { Graph, Value } from '../graph.ts';
import { beforeExchange, exchange, reshape, transpose } from '../layout.ts';
import { broadcastShapes, dense, operand } from '../operand.ts';
import type { Kernels } from './kernel.ts';

interface Factor {
  readonly value: Value;
  readonly transposed: boolean;
}

/** A factor with an exchange of its last two axes taken out of the value and into the flag. */
function factor(value: Value, transposed: boolean): Factor {
  const before = beforeExchange(value);
  return before === undefined ? { value, transposed } : { value: before, transposed: !transposed };
}

/** Rows and columns of a factor as it enters the product. */
function extent({ value, transposed }: Factor): [rows: number, columns: number] {
  const [rows = 1, columns = 1] = value.shape.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}

/** a b for matrices: Gemm takes the transposes as flags and a bias as its third input. */
function gemm(graph: Graph, a: Factor, b: Factor): Value {
  const shape = [extent(a)[0], extent(b)[1]];
  return graph.apply(
    'Gemm',
    [a.value, b.value],
    { shape, type: a.value.type },
    { transA: a.transposed ? 1 : 0, transB: b.transposed ? 1 : 0 },
  );
}

/** a b for stacks of matrices. The runtime folds a Transpose into the product. */
function stacked(graph: Graph, a: Factor, b: Factor): Value {
  const laid = ({ value, transposed }: Factor): Value =>
    transposed ? transpose(graph, value, exchange(value.shape.length)) : value;
  const batch = broadcastShapes(a.value.shape.slice(0, -2), b.value.shape.slice(0, -2));
  const shape = [...batch, extent(a)[0], extent(b)[1]];
  return graph.apply('MatMul', [laid(a), laid(b)], { shape, type: a.value.type });
}

/** The product of two values of rank 2 or more, either with its last two axes exchanged. */
function matMul(
  graph: Graph,
  left: Value,
  right: Value,
  transposeLeft = false,
  transposeRight = false,
): Value {
  const [a, b] = [factor(left, transposeLeft), factor(right, transposeRight)];
  const batch = broadcastShapes(a.value.shape.slice(0, -2), b.value.shape.slice(0, -2));
  if (batch.some((length) => length > 1)) return stacked(graph, a, b);
  const flat = ({ value, transposed }: Factor): Factor => ({
    value: reshape(graph, value, value.shape.slice(-2)),
    transposed,
  });
  return reshape(graph, gemm(graph, flat(a), flat(b)), [...batch, extent(a)[0], extent(b)[1]]);
}

export const matmulKernels: Kernels = {
  BatchMatMul: (call) => {
    const { graph } = call;
    const [a, b] = [dense(graph, call.input('a')), dense(graph, call.input('b'))];
    const value = matMul(graph, a, b, call.flag('transposeA'), call.flag('transposeB'));
    return operand(value, 'float32');
  },
};
