import type { Graph, Value } from './graph.ts';
import { sizeOf } from './graph.ts';
import { reshape } from './layout.ts';
import type { DType } from './types.ts';

/**
 * A tfjs tensor while tracing. Its value may be smaller than its shape: it then stands for the
 * value broadcast to that shape, so that constants and spread gradients take no room until a
 * kernel really needs every element.
 */
export interface Operand {
  readonly value: Value;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** The operand of a value taken as it is. */
export function operand(value: Value, dtype: DType, shape = value.shape): Operand {
  return { value, shape, dtype };
}

/** The value with every element of the operand's shape. */
export function dense(graph: Graph, x: Operand): Value {
  const { value, shape } = x;
  if (sameShape(value.shape, shape)) return value;
  if (sizeOf(value.shape) === sizeOf(shape)) return reshape(graph, value, shape);
  return graph.apply('Expand', [value, graph.int64(shape)], { shape, type: value.type });
}

/** The value with as many axes as the operand, spread axes kept at length 1. */
export function aligned(graph: Graph, x: Operand): Value {
  const missing = x.shape.length - x.value.shape.length;
  if (missing === 0) return x.value;
  return reshape(graph, x.value, [...Array<number>(missing).fill(1), ...x.value.shape]);
}

/** True when one element stands for the whole operand. */
export function isUniform(x: Operand): boolean {
  return sizeOf(x.value.shape) === 1;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** The shape of an element-wise result. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    return left === 1 ? right : left;
  });
}
