import * as tf from '@tensorflow/tfjs-core';
import { causalSelfAttention, gelu, layerNorm, normalisedLinear } from '../../src/engine/index.ts';

/** A use of one tfjs kernel. Differentiable inputs are the float32 ones unless `flat`. */
export interface KernelCase {
  readonly inputs: readonly tf.Tensor[];
  readonly run: (...inputs: tf.Tensor[]) => tf.Tensor | readonly tf.Tensor[];
  /** True where there is no gradient, or none to be checked by small steps. */
  readonly flat?: boolean;
}

/** A smooth, aperiodic filling with both signs, off the points where kernels have corners. */
export function filled(shape: readonly number[], seed = 1, low = -2, high = 2): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: size }, (_, i) => {
    const fraction = (0.137 + 0.618034 * (i + 1) * seed + 0.331 * seed) % 1;
    return low + (high - low) * fraction;
  });
  return tf.tensor(values, [...shape]);
}

const unary = (run: (x: tf.Tensor) => tf.Tensor, low = -2, high = 2): KernelCase => ({
  inputs: [filled([3, 5], 1, low, high)],
  run,
});
const flatUnary = (run: (x: tf.Tensor) => tf.Tensor): KernelCase => ({ ...unary(run), flat: true });
const binary = (run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor, low = -2): KernelCase => ({
  inputs: [filled([2, 3, 4], 1, low), filled([3, 1], 3, low)],
  run,
});
const truth = (shape: number[], modulus = 2): tf.Tensor =>
  tf.tensor(
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i % modulus === 0 ? 1 : 0)),
    shape,
    'bool',
  );
const compare = (run: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): KernelCase => ({
  inputs: [tf.tensor([1, 2, 3, 4, 5, 6], [2, 3], 'int32'), tf.tensor([3, 2, 5], [3], 'int32')],
  run,
  flat: true,
});

/** One case, or several, for every kernel that can be traced. */
export const kernelCases: Readonly<Record<string, readonly KernelCase[]>> = {
  Abs: [unary(tf.abs)],
  Ceil: [flatUnary(tf.ceil)],
  Cos: [unary(tf.cos)],
  Erf: [unary(tf.erf), unary(gelu)],
  Exp: [unary(tf.exp)],
  Floor: [flatUnary(tf.floor)],
  Log: [unary(tf.log, 0.2, 3)],
  Reciprocal: [unary(tf.reciprocal, 0.5, 2)],
  Round: [flatUnary(tf.round)],
  Sigmoid: [unary(tf.sigmoid)],
  Sin: [unary(tf.sin)],
  Softplus: [unary(tf.softplus)],
  Sqrt: [unary(tf.sqrt, 0.3, 3)],
  Tan: [unary(tf.tan, -1, 1)],
  Tanh: [unary(tf.tanh)],
  Neg: [unary(tf.neg), { inputs: [tf.tensor([1, -2], [2], 'int32')], run: tf.neg, flat: true }],
  Relu: [unary(tf.relu)],
  Sign: [flatUnary(tf.sign)],
  ClipByValue: [unary((x) => tf.clipByValue(x, -0.9, 1.1))],
  Elu: [unary(tf.elu)],
  Expm1: [unary(tf.expm1), unary(tf.expm1, -1e-3, 1e-3)],
  Log1p: [unary(tf.log1p, -0.7, 2), unary(tf.log1p, -1e-3, 1e-3)],
  LeakyRelu: [unary((x) => tf.leakyRelu(x, 0.3))],
  Relu6: [unary(tf.relu6, -3, 9)],
  Rsqrt: [unary(tf.rsqrt, 0.5, 3)],
  Step: [flatUnary((x) => tf.step(x, 0.25))],
  Add: [binary(tf.add), compare(tf.add)],
  Sub: [binary(tf.sub)],
  Multiply: [binary(tf.mul), compare(tf.mul)],
  RealDiv: [binary(tf.div, 0.5)],
  Pow: [binary(tf.pow, 0.5), unary((x) => tf.pow(x, 2)), unary((x) => tf.pow(x, 3))],
  Maximum: [binary(tf.maximum)],
  Minimum: [binary(tf.minimum)],
  SquaredDifference: [binary(tf.squaredDifference)],
  AddN: [
    {
      inputs: [filled([2, 3], 1), filled([2, 3], 2), filled([2, 3], 3)],
      run: (...inputs) => tf.addN(inputs),
    },
  ],
  FloorDiv: [compare(tf.floorDiv), { ...binary(tf.floorDiv, 0.5), flat: true }],
  Equal: [compare(tf.equal)],
  NotEqual: [compare(tf.notEqual)],
  Greater: [compare(tf.greater)],
  GreaterEqual: [compare(tf.greaterEqual)],
  Less: [compare(tf.less)],
  LessEqual: [compare(tf.lessEqual)],
  LogicalAnd: [{ inputs: [truth([2, 3]), truth([3], 3)], run: tf.logicalAnd, flat: true }],
  LogicalOr: [{ inputs: [truth([2, 3]), truth([3], 3)], run: tf.logicalOr, flat: true }],
  LogicalNot: [{ inputs: [truth([2, 3])], run: tf.logicalNot, flat: true }],
  IsNan: [{ inputs: [tf.tensor([1, Number.NaN, 0, -1])], run: (x) => tf.isNaN(x), flat: true }],
  IsInf: [
    { inputs: [tf.tensor([1, Number.POSITIVE_INFINITY, 0])], run: (x) => tf.isInf(x), flat: true },
  ],
  Square: [unary(tf.square)],
  Select: [
    {
      inputs: [truth([2, 3], 3), filled([2, 3], 1), filled([2, 3], 2)],
      run: (c, a, b) => tf.where(tf.cast(c, 'bool'), a, b),
    },
    // A condition computed from what is differentiated.
    unary((x) => tf.where(tf.greater(x, 0), tf.square(x), tf.mul(x, 3))),
  ],
  Identity: [unary((x) => tf.clone(x))],
  Cast: [
    flatUnary((x) => tf.cast(x, 'int32')),
    flatUnary((x) => tf.cast(x, 'bool')),
    { inputs: [truth([4])], run: (x) => tf.cast(x, 'float32'), flat: true },
  ],
  ZerosLike: [flatUnary((x) => tf.zerosLike(x))],
  OnesLike: [flatUnary((x) => tf.add(x, tf.onesLike(x)))],
  Sum: [
    unary((x) => tf.sum(x)),
    unary((x) => tf.sum(x, 0, true)),
    // Many rows are summed in two stages.
    { inputs: [filled([30, 20, 3], 1, -0.1, 0.1)], run: (x) => tf.sum(tf.square(x), [0, 1]) },
    unary((x) => tf.sum(tf.tile(tf.slice(x, [0, 0], [1, 5]), [4, 1]), 0)),
    { inputs: [truth([2, 3])], run: (x) => tf.sum(x, 1), flat: true },
  ],
  Mean: [
    unary((x) => tf.mean(x)),
    unary((x) => tf.mean(x, -1)),
    unary((x) => tf.mean(x, [0], true)),
  ],
  Prod: [{ ...unary((x) => tf.prod(x, 1)), flat: true }],
  Max: [unary((x) => tf.max(x)), unary((x) => tf.max(x, 1, true))],
  Min: [unary((x) => tf.min(x)), unary((x) => tf.min(x, 0))],
  All: [{ inputs: [truth([2, 3], 4)], run: (x) => tf.all(x, 1), flat: true }],
  Any: [{ inputs: [truth([2, 3], 4)], run: (x) => tf.any(x, 1), flat: true }],
  ArgMax: [flatUnary((x) => tf.argMax(x, 1))],
  ArgMin: [flatUnary((x) => tf.argMin(x, 0))],
  Softmax: [
    unary((x) => tf.softmax(x)),
    // A day of 5 rows is taken whole, one of 16 in two blocks.
    ...[5, 16].map((rows) => ({
      inputs: [filled([2, rows, 12], 1, -1, 1)],
      run: (qkv: tf.Tensor) => causalSelfAttention(qkv, 2),
    })),
  ],
  Cumsum: [unary((x) => tf.cumsum(x, 1)), unary((x) => tf.cumsum(x, 0, true, true))],
  BatchMatMul: [false, true].flatMap((ta) =>
    [false, true].flatMap((tb) => [
      {
        inputs: [filled(ta ? [4, 3] : [3, 4], 1), filled(tb ? [5, 4] : [4, 5], 2)],
        run: (a: tf.Tensor, b: tf.Tensor) => tf.matMul(a, b, ta, tb),
      },
      {
        inputs: [filled(ta ? [2, 4, 3] : [2, 3, 4], 1), filled(tb ? [2, 5, 4] : [2, 4, 5], 2)],
        run: (a: tf.Tensor, b: tf.Tensor) => tf.matMul(tf.transpose(a, [0, 2, 1]), b, !ta, tb),
      },
    ]),
  ),
  Reshape: [unary((x) => tf.reshape(x, [5, -1])), unary((x) => tf.reshape(tf.sum(x), [1, 1]))],
  ExpandDims: [unary((x) => tf.expandDims(x, 1))],
  Transpose: [
    { inputs: [filled([2, 3, 4])], run: (x) => tf.transpose(x, [2, 0, 1]) },
    {
      inputs: [filled([2, 3, 4])],
      run: (x) => tf.transpose(tf.transpose(x, [2, 0, 1]), [0, 2, 1]),
    },
  ],
  Concat: [{ inputs: [filled([2, 3]), filled([2, 2], 2)], run: (...xs) => tf.concat(xs, 1) }],
  Pack: [{ inputs: [filled([2, 3]), filled([2, 3], 2)], run: (...xs) => tf.stack(xs, 1) }],
  Unpack: [{ inputs: [filled([2, 3])], run: (x) => tf.unstack(x, 1) }],
  SplitV: [
    { inputs: [filled([2, 6])], run: (x) => tf.split(x, 3, 1) },
    { inputs: [filled([2, 6])], run: (x) => tf.split(x, [1, 3, 2], 1) },
  ],
  Slice: [unary((x) => tf.slice(x, [1, 2], [2, -1])), unary((x) => tf.slice(x, [0, 0], [3, 5]))],
  PadV2: [
    unary((x) =>
      tf.pad(
        x,
        [
          [1, 0],
          [0, 2],
        ],
        0.5,
      ),
    ),
  ],
  Tile: [
    unary((x) => tf.tile(x, [2, 3])),
    { inputs: [filled([3, 1])], run: (x) => tf.exp(tf.tile(x, [1, 4])) },
  ],
  Reverse: [unary((x) => tf.reverse(x, [1]))],
  Fill: [unary((x) => tf.add(x, tf.fill([3, 5], 2.5)))],
  Range: [unary((x) => tf.mul(x, tf.range(0, 5)))],
  GatherV2: [
    {
      inputs: [filled([4, 3]), tf.tensor([2, 0, 2, 3, 1], [5], 'int32')],
      run: (x, i) => tf.gather(x, i),
    },
    {
      inputs: [filled([2, 4, 3]), tf.tensor([2, 0, 2, 3], [2, 2], 'int32')],
      run: (x, i) => tf.gather(x, i, 1),
    },
  ],
  OneHot: [
    {
      inputs: [tf.tensor([2, 0, 1], [3], 'int32')],
      run: (i) => tf.oneHot(i, 4, 1.5, -0.5),
      flat: true,
    },
  ],
  UnsortedSegmentSum: [
    {
      inputs: [filled([4, 3]), tf.tensor([2, 0, 2, 1], [4], 'int32')],
      run: (x, i) => tf.unsortedSegmentSum(x, i as tf.Tensor1D, 4),
      flat: true,
    },
  ],
  LayerNormalization: [
    {
      inputs: [filled([2, 3, 6]), filled([6], 2), filled([6], 3)],
      run: (x, gain, bias) => layerNorm(x, gain, bias),
    },
    {
      inputs: [
        filled([2, 3, 6]),
        filled([6], 2),
        filled([6], 3),
        filled([4, 6], 4),
        filled([4], 5),
      ],
      run: (x, gain, shift, weight, bias) => normalisedLinear(x, [gain, shift], [weight, bias]),
    },
  ],
};
