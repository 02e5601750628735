import { sha256 } from '../core/index.ts';
import type { DType } from './types.ts';

/** Element types inside a graph: those of tensors, and int64 for shapes and axes. */
export type ElementType = DType | 'int64';

export type Numbers = Float32Array | Int32Array | Uint8Array | BigInt64Array;

/** An edge of the graph. Immutable; equal expressions are the same object. */
export interface Value {
  readonly id: number;
  readonly shape: readonly number[];
  readonly type: ElementType;
  /** Set when the value is known while tracing. */
  readonly constant?: Numbers;
  /** Set when the value is an input of the graph. */
  readonly inputName?: string;
  readonly producer?: Node;
}

/** Whole numbers are ONNX ints; a float is marked, for JSON and ONNX tell them apart differently. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface Node {
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  readonly outputs: readonly Value[];
}

/** The shape and element type of one output of a node. */
interface Result {
  readonly shape: readonly number[];
  readonly type: ElementType;
}

/** A growing graph in which the same operation on the same inputs exists once. */
export interface Graph {
  input(name: string, type: Result): Value;
  constant(data: Numbers, shape: readonly number[], type: ElementType): Value;
  /** A scalar constant. */
  scalar(value: number, type: ElementType): Value;
  /** A vector of axes, sizes or other int64 arguments. */
  int64(values: readonly number[]): Value;
  /** A node with one output. */
  apply(
    op: string,
    inputs: readonly Value[],
    result: Result,
    attributes?: Readonly<Record<string, Attribute>>,
  ): Value;
  /** A node with several outputs. */
  applyMany(
    op: string,
    inputs: readonly Value[],
    results: readonly Result[],
    attributes?: Readonly<Record<string, Attribute>>,
  ): readonly Value[];
}

/** An empty graph. */
export function createGraph(): Graph {
  const known = new Map<string, readonly Value[]>();
  let values = 0;

  function once(key: string, make: () => readonly Value[]): readonly Value[] {
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = make();
    known.set(key, made);
    return made;
  }
  const single = (key: string, make: () => Value): Value => only(once(key, () => [make()]));

  const graph: Graph = {
    input: (name, { shape, type }) =>
      single(`input ${name}`, () => ({ id: values++, shape, type, inputName: name })),
    constant: (data, shape, type) =>
      single(`${type} ${shape.join()} ${contentKey(data)}`, () => ({
        id: values++,
        shape,
        type,
        constant: data,
      })),
    scalar: (value, type) => graph.constant(numbersOf(type, [value]), [], type),
    int64: (list) => graph.constant(numbersOf('int64', list), [list.length], 'int64'),
    apply: (op, inputs, result, attributes) =>
      only(graph.applyMany(op, inputs, [result], attributes)),
    applyMany: (op, inputs, results, attributes = {}) =>
      once(nodeKey(op, inputs, attributes), () => {
        const outputs: Value[] = [];
        const node: Node = { op, inputs, attributes, outputs };
        for (const { shape, type } of results) {
          outputs.push({ id: values++, shape, type, producer: node });
        }
        return outputs;
      }),
  };
  return graph;
}

/** `values` as the array an element type is kept in; bool as 0 and 1. */
export function numbersOf(type: ElementType, values: ArrayLike<number>): Numbers {
  switch (type) {
    case 'float32':
      return Float32Array.from(values);
    case 'int32':
      return Int32Array.from(values);
    case 'bool':
      return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
    case 'int64':
      return BigInt64Array.from(Array.from(values), BigInt);
  }
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** The nodes that `outputs` depend on, each after its inputs, in the order of recording. */
export function liveNodes(outputs: readonly Value[]): Node[] {
  const seen = new Set<Node>();
  const pending = outputs.flatMap((value) => value.producer ?? []);
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    pending.push(...node.inputs.flatMap((value) => value.producer ?? []));
  }
  return [...seen].sort((a, b) => only(a.outputs).id - only(b.outputs).id);
}

/** The first element of a list that has one. */
export function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new RangeError('an empty list where one element is expected');
  return first;
}

function nodeKey(
  op: string,
  inputs: readonly Value[],
  attributes: Readonly<Record<string, Attribute>>,
): string {
  return `${op} ${inputs.map((value) => value.id).join()} ${JSON.stringify(attributes)}`;
}

function contentKey(data: Numbers): string {
  return sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
