import { binary, unary, where, type BinaryOp, type UnaryOp } from '../arithmetic.ts';
import type { Value } from '../graph.ts';
import { broadcastShapes, operand, type Operand } from '../operand.ts';
import type { DType } from '../types.ts';
import { converted } from './convert.ts';
import type { Kernel, KernelCall, Kernels } from './kernel.ts';

/** tfjs kernels that are one ONNX operator on float32. */
const FLOAT_UNARY: Readonly<Record<string, UnaryOp>> = {
  Ceil: 'Ceil',
  Cos: 'Cos',
  Erf: 'Erf',
  Exp: 'Exp',
  Floor: 'Floor',
  Log: 'Log',
  Reciprocal: 'Reciprocal',
  Round: 'Round',
  Sigmoid: 'Sigmoid',
  Sin: 'Sin',
  Softplus: 'Softplus',
  Sqrt: 'Sqrt',
  Tan: 'Tan',
  Tanh: 'Tanh',
};
/** The same for kernels that keep int32. */
const ANY_UNARY: Readonly<Record<string, UnaryOp>> = {
  Abs: 'Abs',
  Neg: 'Neg',
  Relu: 'Relu',
  Sign: 'Sign',
};
const ARITHMETIC: Readonly<Record<string, BinaryOp>> = {
  Add: 'Add',
  Maximum: 'Max',
  Minimum: 'Min',
  Multiply: 'Mul',
  Pow: 'Pow',
  RealDiv: 'Div',
  Sub: 'Sub',
};
const COMPARISON: Readonly<Record<string, BinaryOp>> = {
  Equal: 'Equal',
  Greater: 'Greater',
  GreaterEqual: 'GreaterOrEqual',
  Less: 'Less',
  LessEqual: 'LessOrEqual',
  LogicalAnd: 'And',
  LogicalOr: 'Or',
};

/** A formula on the value of one tensor, as float32. */
type Formula = (x: Value, step: Steps, call: KernelCall) => Value;

/** Operators on values, with numbers taken as scalars of the other side's type. */
interface Steps {
  (op: BinaryOp, a: Value | number, b: Value | number): Value;
  (op: UnaryOp, a: Value): Value;
}

const COMPOSED: Readonly<Record<string, Formula>> = {
  ClipByValue: (x, step, call) =>
    step('Min', step('Max', x, call.number('clipValueMin')), call.number('clipValueMax')),
  Elu: (x, step, { graph }) =>
    where(graph, step('Greater', x, 0), x, step('Sub', step('Exp', step('Min', x, 0)), 1)),
  // Near 0 exp(x) - 1 loses its digits; 2 tanh(x/2) / (1 - tanh(x/2)) is the same and does not.
  Expm1: (x, step, { graph }) => {
    const half = step('Mul', x, 0.5);
    const hyperbolic = step('Tanh', half);
    const near = step('Div', step('Mul', hyperbolic, 2), step('Sub', 1, hyperbolic));
    const isNear = step('Less', step('Abs', x), 1);
    return where(graph, isNear, near, step('Sub', step('Exp', x), 1));
  },
  // ln(1 + x) x / ((1 + x) - 1): the error of rounding 1 + x cancels.
  Log1p: (x, step, { graph }) => {
    const raised = step('Add', x, 1);
    const excess = step('Sub', raised, 1);
    const isTiny = step('Equal', excess, 0);
    const safe = where(graph, isTiny, graph.scalar(1, 'float32'), excess);
    const near = step('Mul', step('Log', raised), step('Div', x, safe));
    const isInfinite = step('Equal', raised, Number.POSITIVE_INFINITY);
    return where(graph, isTiny, x, where(graph, isInfinite, raised, near));
  },
  LeakyRelu: (x, step, call) =>
    where(call.graph, step('Greater', x, 0), x, step('Mul', x, call.number('alpha'))),
  Relu6: (x, step) => step('Min', step('Max', x, 0), 6),
  Rsqrt: (x, step) => step('Reciprocal', step('Sqrt', x)),
  Step: (x, step, call) =>
    where(
      call.graph,
      step('Greater', x, 0),
      call.graph.scalar(1, x.type),
      call.graph.scalar(call.has('alpha') ? call.number('alpha') : 0, x.type),
    ),
};

function steps({ graph }: KernelCall): Steps {
  return (op: BinaryOp | UnaryOp, a: Value | number, b?: Value | number): Value => {
    if (typeof a === 'number') {
      return typeof b === 'object'
        ? binary(graph, op as BinaryOp, graph.scalar(a, b.type), b)
        : graph.scalar(a, 'float32');
    }
    if (b === undefined) return unary(graph, op as UnaryOp, a);
    return binary(graph, op as BinaryOp, a, typeof b === 'number' ? graph.scalar(b, a.type) : b);
  };
}

const floatUnary =
  (op: UnaryOp): Kernel =>
  (call) => {
    const x = converted(call.graph, call.input('x'), 'float32');
    return operand(unary(call.graph, op, x.value), 'float32', x.shape);
  };

const anyUnary =
  (op: UnaryOp): Kernel =>
  (call) => {
    const x = numeric(call, call.input('x'));
    return operand(unary(call.graph, op, x.value), x.dtype, x.shape);
  };

const test =
  (op: 'IsNaN' | 'IsInf'): Kernel =>
  (call) => {
    const x = call.input('x');
    return operand(unary(call.graph, op, x.value, 'bool'), 'bool', x.shape);
  };

const composed =
  (formula: Formula): Kernel =>
  (call) => {
    const x = converted(call.graph, call.input('x'), 'float32');
    return operand(formula(x.value, steps(call), call), 'float32', x.shape);
  };

const arithmetic =
  (op: BinaryOp): Kernel =>
  (call) =>
    combined(call, op, numeric(call, call.input('a')), numeric(call, call.input('b')));

const comparison =
  (op: BinaryOp): Kernel =>
  (call) =>
    combined(call, op, call.input('a'), call.input('b'));

function combined({ graph }: KernelCall, op: BinaryOp, a: Operand, b: Operand): Operand {
  const value = binary(graph, op, a.value, b.value);
  const dtype: DType = value.type === 'bool' ? 'bool' : a.dtype;
  return operand(value, dtype, broadcastShapes(a.shape, b.shape));
}

/** Arithmetic on bool is arithmetic on 0 and 1. */
function numeric({ graph }: KernelCall, x: Operand): Operand {
  return x.dtype === 'bool' ? converted(graph, x, 'int32') : x;
}

function each<T>(table: Readonly<Record<string, T>>, kernel: (entry: T) => Kernel): Kernels {
  return Object.fromEntries(Object.entries(table).map(([name, entry]) => [name, kernel(entry)]));
}

export const elementwiseKernels: Kernels = {
  ...each(FLOAT_UNARY, floatUnary),
  ...each(ANY_UNARY, anyUnary),
  ...each(COMPOSED, composed),
  ...each(ARITHMETIC, arithmetic),
  ...each(COMPARISON, comparison),
  IsNan: test('IsNaN'),
  IsInf: test('IsInf'),
  LogicalNot: (call) => {
    const x = call.input('x');
    return operand(unary(call.graph, 'Not', x.value), 'bool', x.shape);
  },
  NotEqual: (call) => {
    const equal = combined(call, 'Equal', call.input('a'), call.input('b'));
    return operand(unary(call.graph, 'Not', equal.value), 'bool', equal.shape);
  },
  Square: (call) => {
    const x = numeric(call, call.input('x'));
    return operand(binary(call.graph, 'Mul', x.value, x.value), x.dtype, x.shape);
  },
  SquaredDifference: (call) => {
    const difference = combined(call, 'Sub', call.input('a'), call.input('b'));
    return combined(call, 'Mul', difference, difference);
  },
  AddN: (call) => call.list.reduce((sum, x) => combined(call, 'Add', sum, x)),
  FloorDiv: (call) => {
    const [a, b] = [call.input('a'), call.input('b')];
    const [over, under] = [
      converted(call.graph, a, 'float32'),
      converted(call.graph, b, 'float32'),
    ];
    const ratio = combined(call, 'Div', over, under);
    const whole = operand(unary(call.graph, 'Floor', ratio.value), 'float32', ratio.shape);
    return converted(call.graph, whole, a.dtype);
  },
  Select: (call) => {
    const [condition, t, e] = [call.input('condition'), call.input('t'), call.input('e')];
    const value = where(call.graph, condition.value, t.value, e.value);
    return operand(value, t.dtype, t.shape);
  },
  Identity: (call) => call.input('x'),
  Cast: (call) => converted(call.graph, call.input('x'), dtypeOf(call)),
  ZerosLike: (call) => filled(call, 0),
  OnesLike: (call) => filled(call, 1),
};

function filled(call: KernelCall, value: number): Operand {
  const { dtype, shape } = call.input('x');
  return operand(call.graph.scalar(value, dtype), dtype, shape);
}

function dtypeOf(call: KernelCall): DType {
  const dtype = call.text('dtype');
  return dtype === 'int32' || dtype === 'bool' ? dtype : 'float32';
}
