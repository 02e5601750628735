import * as tf from '@tensorflow/tfjs-core';
import { at, gathered, ofBoth, ofInputs, ofList, ofOutput, type Gradient } from './gradient.ts';

type OfInput = (
  dy: tf.Tensor,
  x: tf.Tensor,
  attributes: Readonly<Record<string, unknown>>,
) => tf.Tensor;

/** A function of x whose derivative is written with x. */
const withInput = (kernel: string, derivative: OfInput): Gradient =>
  ofInputs(kernel, ['x'], (dy, saved, attributes) => ({
    x: () => derivative(dy, at(saved, 0), attributes),
  }));

/** A function of x whose derivative is written with its result y. */
const withOutput = (kernel: string, derivative: OfInput): Gradient =>
  ofOutput(kernel, (dy, saved, attributes) => ({
    x: () => derivative(dy, at(saved, 0), attributes),
  }));

/** A function that is flat wherever it is smooth. */
const flat = (kernel: string, inputs: string[] = ['x']): Gradient =>
  ofInputs(kernel, inputs, (_dy, saved) =>
    Object.fromEntries(
      inputs.map((name, index) => [name, () => tf.cast(tf.zerosLike(at(saved, index)), 'float32')]),
    ),
  );

/** A function of a and b, given its two partial derivatives times dy. */
const ofTwo = (
  kernel: string,
  byA: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
  byB: (dy: tf.Tensor, a: tf.Tensor, b: tf.Tensor) => tf.Tensor,
): Gradient =>
  ofInputs(kernel, ['a', 'b'], (dy, saved) => {
    const [a, b] = [at(saved, 0), at(saved, 1)];
    return { a: () => gathered(byA(dy, a, b), a.shape), b: () => gathered(byB(dy, a, b), b.shape) };
  });

/** dy where the condition holds, else 0. */
const when = (condition: tf.Tensor, dy: tf.Tensor): tf.Tensor =>
  tf.mul(dy, tf.cast(condition, 'float32'));

const limit = (attributes: Readonly<Record<string, unknown>>, name: string): number =>
  Number(attributes[name]);

export const elementwiseGradients: readonly Gradient[] = [
  withInput('Abs', (dy, x) => tf.mul(dy, tf.sign(x))),
  withInput('Cos', (dy, x) => tf.neg(tf.mul(dy, tf.sin(x)))),
  withInput('Sin', (dy, x) => tf.mul(dy, tf.cos(x))),
  withInput('Tan', (dy, x) => tf.div(dy, tf.square(tf.cos(x)))),
  withInput('Erf', (dy, x) =>
    tf.mul(dy, tf.mul(tf.exp(tf.neg(tf.square(x))), 2 / Math.sqrt(Math.PI))),
  ),
  withInput('Expm1', (dy, x) => tf.mul(dy, tf.exp(x))),
  withInput('Log', (dy, x) => tf.div(dy, x)),
  withInput('Log1p', (dy, x) => tf.div(dy, tf.add(x, 1))),
  withInput('Neg', (dy) => tf.neg(dy)),
  withInput('Relu', (dy, x) => when(tf.greater(x, 0), dy)),
  withInput('Relu6', (dy, x) => when(tf.logicalAnd(tf.greater(x, 0), tf.lessEqual(x, 6)), dy)),
  withInput('LeakyRelu', (dy, x, attributes) =>
    tf.mul(
      dy,
      tf.where(tf.greater(x, 0), tf.onesLike(x), tf.fill(x.shape, limit(attributes, 'alpha'))),
    ),
  ),
  withInput('Softplus', (dy, x) => tf.mul(dy, tf.sigmoid(x))),
  withInput('Square', (dy, x) => tf.mul(dy, tf.mul(tf.cast(x, 'float32'), 2))),
  withInput('ClipByValue', (dy, x, attributes) => {
    const aboveMin = tf.greaterEqual(x, limit(attributes, 'clipValueMin'));
    return when(tf.logicalAnd(aboveMin, tf.lessEqual(x, limit(attributes, 'clipValueMax'))), dy);
  }),
  withOutput('Elu', (dy, y) => tf.mul(dy, tf.minimum(tf.add(y, 1), 1))),
  withOutput('Exp', (dy, y) => tf.mul(dy, y)),
  withOutput('Reciprocal', (dy, y) => tf.neg(tf.mul(dy, tf.square(y)))),
  withOutput('Rsqrt', (dy, y) => tf.mul(dy, tf.mul(tf.mul(tf.square(y), y), -0.5))),
  withOutput('Sigmoid', (dy, y) => tf.mul(dy, tf.mul(y, tf.sub(1, y)))),
  withOutput('Sqrt', (dy, y) => tf.div(tf.mul(dy, 0.5), y)),
  withOutput('Tanh', (dy, y) => tf.mul(dy, tf.sub(1, tf.square(y)))),
  withInput('Cast', (dy) => tf.cast(dy, 'float32')),
  withInput('Identity', (dy) => tf.cast(dy, 'float32')),
  ...['Ceil', 'Floor', 'Round', 'Sign', 'Step', 'ZerosLike', 'OnesLike'].map((name) => flat(name)),
  ...['IsNan', 'IsInf', 'LogicalNot'].map((name) => flat(name)),
  ...['Equal', 'NotEqual', 'Greater', 'GreaterEqual', 'Less', 'LessEqual'].map((name) =>
    flat(name, ['a', 'b']),
  ),
  ...['LogicalAnd', 'LogicalOr', 'FloorDiv'].map((name) => flat(name, ['a', 'b'])),
  ofTwo(
    'Add',
    (dy) => dy,
    (dy) => dy,
  ),
  ofTwo(
    'Sub',
    (dy) => dy,
    (dy) => tf.neg(dy),
  ),
  ofTwo(
    'Multiply',
    (dy, _a, b) => tf.mul(dy, tf.cast(b, 'float32')),
    (dy, a) => tf.mul(dy, tf.cast(a, 'float32')),
  ),
  ofTwo(
    'RealDiv',
    (dy, _a, b) => tf.div(dy, tf.cast(b, 'float32')),
    (dy, a, b) =>
      tf.neg(tf.div(tf.mul(dy, tf.cast(a, 'float32')), tf.square(tf.cast(b, 'float32')))),
  ),
  ofTwo(
    'Maximum',
    (dy, a, b) => when(tf.greaterEqual(a, b), dy),
    (dy, a, b) => when(tf.less(a, b), dy),
  ),
  ofTwo(
    'Minimum',
    (dy, a, b) => when(tf.lessEqual(a, b), dy),
    (dy, a, b) => when(tf.greater(a, b), dy),
  ),
  ofTwo(
    'SquaredDifference',
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(a, b), 2)),
    (dy, a, b) => tf.mul(dy, tf.mul(tf.sub(b, a), 2)),
  ),
  ofBoth('Pow', ['a', 'b'], (dy, saved) => {
    const [a, b, y] = [at(saved, 0), at(saved, 1), at(saved, 2)];
    const logarithm = (): tf.Tensor =>
      tf.where(tf.greater(a, 0), tf.log(tf.maximum(a, 1e-38)), tf.zerosLike(a));
    return {
      a: () => gathered(tf.mul(dy, tf.mul(b, tf.pow(a, tf.sub(b, 1)))), a.shape),
      b: () => gathered(tf.mul(dy, tf.mul(y, logarithm())), b.shape),
    };
  }),
  ofList('AddN', (dy, saved) =>
    Object.fromEntries(saved.map((_, index) => [String(index), () => dy])),
  ),
  ofInputs('Select', ['condition'], (dy, saved) => {
    const condition = at(saved, 0);
    return {
      condition: () => tf.cast(tf.zerosLike(condition), 'float32'),
      t: () => when(condition, dy),
      e: () => when(tf.logicalNot(condition), dy),
    };
  }),
];
