import { numbersOf, sizeOf, type Graph, type Value } from './graph.ts';

/** Constants above this many elements are left to the runtime to fold: the file stays small. */
const FOLD_LIMIT = 1 << 16;

/** The same elements in another shape; a reshape of a reshape is one. */
export function reshape(graph: Graph, x: Value, shape: readonly number[]): Value {
  if (x.constant !== undefined) return graph.constant(x.constant, shape, x.type);
  const before = x.producer?.op === 'Reshape' ? x.producer.inputs[0] : undefined;
  const source = before ?? x;
  if (source.shape.join() === shape.join()) return source;
  return graph.apply('Reshape', [source, graph.int64(shape)], { shape, type: x.type });
}

/** The value that was reshaped to more axes, if that is how x was made. */
export function beforeReshape(x: Value): Value | undefined {
  const [source] = x.producer?.op === 'Reshape' ? x.producer.inputs : [];
  const isFlatter = source !== undefined && source.shape.length < x.shape.length;
  return isFlatter && source.shape.length > 0 ? source : undefined;
}

/** Axis i of the result is axis `permutation[i]` of x; a transpose of a transpose is one. */
export function transpose(graph: Graph, x: Value, permutation: readonly number[]): Value {
  const inner = transposition(x);
  if (inner !== undefined) {
    return transpose(
      graph,
      inner.source,
      permutation.map((axis) => inner.permutation[axis] ?? axis),
    );
  }
  const shape = permutation.map((axis) => x.shape[axis] ?? 1);
  const moved = permutation.filter((axis) => (x.shape[axis] ?? 1) > 1);
  if (moved.every((axis, index) => index === 0 || (moved[index - 1] ?? 0) < axis)) {
    return reshape(graph, x, shape);
  }
  if (x.constant !== undefined && sizeOf(shape) <= FOLD_LIMIT) {
    return graph.constant(permuted(x, x.constant, permutation), shape, x.type);
  }
  return graph.apply('Transpose', [x], { shape, type: x.type }, { perm: permutation });
}

/** What a Transpose node was made of. */
function transposition(x: Value): { source: Value; permutation: readonly number[] } | undefined {
  const [source] = x.producer?.inputs ?? [];
  const permutation = x.producer?.attributes['perm'];
  if (x.producer?.op !== 'Transpose' || source === undefined) return undefined;
  return Array.isArray(permutation) ? { source, permutation } : undefined;
}

/** The value before its last two axes were exchanged, if that is how it was made. */
export function beforeExchange(x: Value): Value | undefined {
  const made = transposition(x);
  const rank = x.shape.length;
  return made?.permutation.join() === exchange(rank).join() ? made.source : undefined;
}

/** The permutation that exchanges the last two of `rank` axes. */
export function exchange(rank: number): number[] {
  return Array.from({ length: rank }, (_, axis) =>
    axis < rank - 2 ? axis : axis === rank - 1 ? rank - 2 : rank - 1,
  );
}

/** `size` elements from `begin` along every axis. */
export function slice(
  graph: Graph,
  x: Value,
  begin: readonly number[],
  size: readonly number[],
): Value {
  const axes = x.shape.flatMap((length, axis) => (size[axis] === length ? [] : [axis]));
  if (axes.length === 0) return x;
  const starts = axes.map((axis) => begin[axis] ?? 0);
  const ends = axes.map((axis) => (begin[axis] ?? 0) + (size[axis] ?? 0));
  return graph.apply('Slice', [x, graph.int64(starts), graph.int64(ends), graph.int64(axes)], {
    shape: size,
    type: x.type,
  });
}

/** The same numbers as another element type. */
export function cast(graph: Graph, x: Value, type: Value['type'], onnxType: number): Value {
  if (x.type === type) return x;
  if (x.constant !== undefined) {
    const values = Array.from(x.constant, Number);
    return graph.constant(numbersOf(type, values), x.shape, type);
  }
  return graph.apply('Cast', [x], { shape: x.shape, type }, { to: onnxType });
}

function permuted(x: Value, data: ArrayLike<number | bigint>, permutation: readonly number[]) {
  const strides = x.shape.map((_, axis) => sizeOf(x.shape.slice(axis + 1)));
  const shape = permutation.map((axis) => x.shape[axis] ?? 1);
  const out: number[] = [];
  for (let index = 0; index < data.length; index++) {
    let rest = index;
    let source = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const length = shape[axis] ?? 1;
      source += (rest % length) * (strides[permutation[axis] ?? 0] ?? 0);
      rest = Math.floor(rest / length);
    }
    out.push(Number(data[source]));
  }
  return numbersOf(x.type, out);
}
