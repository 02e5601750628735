import { numbersOf, only, sizeOf, type ElementType, type Graph, type Value } from './graph.ts';
import { beforeReshape, reshape } from './layout.ts';
import { broadcastShapes, sameShape } from './operand.ts';

/** Constants of more elements stay nodes: folding them would only make the file larger. */
const FOLD_LIMIT = 1 << 16;

type Unary = (x: number) => number;
type Binary = (a: number, b: number) => number;

const truth = (claim: boolean): number => (claim ? 1 : 0);

/** ONNX operators of one operand, with their value where it is needed while tracing. */
const UNARY = {
  Abs: Math.abs,
  Ceil: Math.ceil,
  Cos: Math.cos,
  Exp: Math.exp,
  Floor: Math.floor,
  Log: Math.log,
  Neg: (x) => -x,
  Not: (x) => truth(x === 0),
  Reciprocal: (x) => 1 / x,
  Sign: Math.sign,
  Sin: Math.sin,
  Sqrt: Math.sqrt,
  Tanh: Math.tanh,
  Erf: undefined,
  Gelu: undefined,
  IsInf: undefined,
  IsNaN: undefined,
  Relu: (x) => Math.max(x, 0),
  Round: undefined,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Softplus: undefined,
  Tan: Math.tan,
} as const satisfies Record<string, Unary | undefined>;
export type UnaryOp = keyof typeof UNARY;

/** ONNX operators of two operands that broadcast. */
const BINARY = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
  Max: Math.max,
  Min: Math.min,
  Equal: (a, b) => truth(a === b),
  Greater: (a, b) => truth(a > b),
  GreaterOrEqual: (a, b) => truth(a >= b),
  Less: (a, b) => truth(a < b),
  LessOrEqual: (a, b) => truth(a <= b),
  And: (a, b) => truth(a !== 0 && b !== 0),
  Or: (a, b) => truth(a !== 0 || b !== 0),
} as const satisfies Record<string, Binary>;
export type BinaryOp = keyof typeof BINARY;

const COMMUTATIVE: ReadonlySet<BinaryOp> = new Set([
  'Add',
  'Mul',
  'Max',
  'Min',
  'Equal',
  'And',
  'Or',
]);
const LOGICAL: ReadonlySet<BinaryOp> = new Set([
  'Equal',
  'Greater',
  'GreaterOrEqual',
  'Less',
  'LessOrEqual',
  'And',
  'Or',
]);
/** x op n = x. For commutative operators n may stand on either side. */
const NEUTRAL: Readonly<Partial<Record<BinaryOp, number>>> = {
  Add: 0,
  Sub: 0,
  Mul: 1,
  Div: 1,
  Pow: 1,
};

/** op(x), computed at once when x is a constant. */
export function unary(graph: Graph, op: UnaryOp, x: Value, type: ElementType = x.type): Value {
  if (op === 'Neg' && x.producer?.op === 'Neg') return only(x.producer.inputs);
  const evaluate: Unary | undefined = UNARY[op];
  if (evaluate !== undefined && x.constant !== undefined && x.constant.length <= FOLD_LIMIT) {
    const values = Array.from(x.constant, Number).map((value) => evaluate(value));
    return graph.constant(numbersOf(type, values), x.shape, type);
  }
  const before = beforeReshape(x);
  if (before !== undefined) {
    const moved = unary(graph, op, before, type === x.type ? before.type : type);
    return reshape(graph, moved, x.shape);
  }
  return graph.apply(op, [x], { shape: x.shape, type });
}

/** a op b with broadcasting, computed at once when both are constants. */
export function binary(graph: Graph, op: BinaryOp, a: Value, b: Value): Value {
  const shape = broadcastShapes(a.shape, b.shape);
  const type = LOGICAL.has(op) ? 'bool' : a.type;
  if (a.constant !== undefined && b.constant !== undefined && sizeOf(shape) <= FOLD_LIMIT) {
    return graph.constant(numbersOf(type, evaluated(op, a, b, shape)), shape, type);
  }
  const kept = withoutNeutral(op, a, b);
  if (kept !== undefined) return kept;
  const flat = flattened(graph, a, b, shape);
  if (flat !== undefined) return reshape(graph, binary(graph, op, ...flat), shape);
  if (op === 'Pow' && single(b) === 2) return graph.apply('Mul', [a, a], { shape, type });
  if (op === 'Add') {
    const fused = addedToGemm(graph, a, b) ?? addedToGemm(graph, b, a);
    if (fused !== undefined) return fused;
  }
  // One order for both ways of writing it: a number last, for then the runtime works in place.
  const isSwapped = COMMUTATIVE.has(op) && inOrder(b) < inOrder(a);
  const inputs = isSwapped ? [b, a] : [a, b];
  return graph.apply(op, inputs, { shape, type });
}

const inOrder = (x: Value): number => (single(x) === undefined ? x.id : Number.POSITIVE_INFINITY);

/** condition ? a : b, element by element. */
export function where(graph: Graph, condition: Value, a: Value, b: Value): Value {
  if (a === b) return a;
  const shape = broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape));
  return graph.apply('Where', [condition, a, b], { shape, type: a.type });
}

/**
 * Both operands in the shape that a full-size one had before it was reshaped to more axes, where
 * they broadcast there alike. So a reshape moves past element-wise work to where it is needed, and
 * most meet their inverse there.
 */
function flattened(
  graph: Graph,
  a: Value,
  b: Value,
  shape: readonly number[],
): readonly [Value, Value] | undefined {
  const sources = [a, b].flatMap((x) =>
    sameShape(x.shape, shape) ? (beforeReshape(x) ?? []) : [],
  );
  const [source, other] = sources;
  if (source === undefined) return undefined;
  const least = other !== undefined && other.shape.length < source.shape.length ? other : source;
  const [left, right] = [
    laidFlat(graph, a, shape, least.shape),
    laidFlat(graph, b, shape, least.shape),
  ];
  return left === undefined || right === undefined ? undefined : [left, right];
}

/** An operand of a result of shape `from` as it enters the same result in shape `to`. */
function laidFlat(
  graph: Graph,
  x: Value,
  from: readonly number[],
  to: readonly number[],
): Value | undefined {
  if (sameShape(x.shape, from)) return reshape(graph, x, to);
  if (sizeOf(x.shape) === 1) return reshape(graph, x, []);
  if (to.at(-1) !== from.at(-1)) return undefined;
  if (x.shape.length === 1) return x;
  const perRow = sameShape(x.shape, [...from.slice(0, -1), 1]);
  return perRow ? reshape(graph, x, [...to.slice(0, -1), 1]) : undefined;
}

/** The number a one-element constant holds. */
function single(x: Value): number | undefined {
  return x.constant?.length === 1 ? Number(x.constant[0]) : undefined;
}

function withoutNeutral(op: BinaryOp, a: Value, b: Value): Value | undefined {
  const neutral = NEUTRAL[op];
  if (neutral === undefined) return undefined;
  if (single(b) === neutral && b.shape.length <= a.shape.length) return a;
  if (!COMMUTATIVE.has(op) || single(a) !== neutral) return undefined;
  return a.shape.length <= b.shape.length ? b : undefined;
}

/** product + row where product is a Gemm that adds nothing yet: the row becomes its third input. */
function addedToGemm(graph: Graph, product: Value, row: Value): Value | undefined {
  const gemm = product.producer;
  if (gemm?.op !== 'Gemm' || gemm.inputs.length > 2) return undefined;
  if (!sameShape(broadcastShapes(product.shape, row.shape), product.shape)) return undefined;
  if (row.shape.length > 1 || row.producer?.op === 'Gemm') return undefined;
  // A vector of one element, not a scalar: the WebGPU provider aborts the process on a scalar.
  const bias = row.shape.length === 0 ? reshape(graph, row, [1]) : row;
  return graph.apply('Gemm', [...gemm.inputs, bias], product, gemm.attributes);
}

function evaluated(op: BinaryOp, a: Value, b: Value, shape: readonly number[]): number[] {
  const evaluate: Binary = BINARY[op];
  const [atA, atB] = [reader(a, shape), reader(b, shape)];
  const integral = a.type === 'int32' && op === 'Div';
  return Array.from({ length: sizeOf(shape) }, (_, index) => {
    const value = evaluate(atA(index), atB(index));
    return integral ? Math.trunc(value) : value;
  });
}

/** Reads a constant as if it were broadcast to `shape`. */
function reader(x: Value, shape: readonly number[]): (index: number) => number {
  const data = x.constant ?? [];
  const offset = shape.length - x.shape.length;
  const strides = shape.map((_, axis) =>
    (x.shape[axis - offset] ?? 1) === 1 ? 0 : sizeOf(x.shape.slice(axis - offset + 1)),
  );
  return (index) => {
    let [rest, at] = [index, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const length = shape[axis] ?? 1;
      at += (rest % length) * (strides[axis] ?? 0);
      rest = Math.floor(rest / length);
    }
    return Number(data[at]);
  };
}
