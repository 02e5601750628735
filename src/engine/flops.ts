import { liveNodes, sizeOf, type Node, type Value } from './graph.ts';

/** Floating-point operations of a graph's matrix products: two for each multiply-and-add. */
export function productFlops(outputs: Iterable<Value>): number {
  return liveNodes([...outputs]).reduce((total, node) => total + flopsOf(node), 0);
}

function flopsOf({ op, inputs: [left], outputs: [result], attributes }: Node): number {
  if ((op !== 'Gemm' && op !== 'MatMul') || left === undefined || result === undefined) return 0;
  const inner = left.shape.at(attributes['transA'] === 1 ? -2 : -1) ?? 1;
  return 2 * sizeOf(result.shape) * inner;
}
