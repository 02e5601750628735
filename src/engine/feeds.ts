import { VamoError } from '../core/index.ts';
import { sameShape } from './operand.ts';
import type { DType, HostTensor, TensorSpec } from './types.ts';

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/**
 * The fed tensors by the names of `inputs`, each of its shape and type.
 * @throws VamoError ENGINE_GRAPH naming an unknown, missing or wrongly shaped input
 */
export function checkedFeeds(
  inputs: Readonly<Record<string, TensorSpec>>,
  feeds: Readonly<Record<string, HostTensor>>,
): (readonly [string, TensorSpec, HostTensor])[] {
  const unknown = Object.keys(feeds).find((name) => !(name in inputs));
  if (unknown !== undefined) {
    throw new VamoError('ENGINE_GRAPH', `input ${unknown} is not an input of the graph`);
  }
  return Object.entries(inputs).map(([name, spec]) => [
    name,
    spec,
    checked(name, spec, feeds[name]),
  ]);
}

function checked(name: string, { shape, dtype }: TensorSpec, feed?: HostTensor): HostTensor {
  if (feed === undefined) throw new VamoError('ENGINE_GRAPH', `input ${name} is missing`);
  const fault = (expected: string, found: string): VamoError =>
    new VamoError('ENGINE_GRAPH', `input ${name} is ${found}, the graph takes ${expected}`);
  if (!sameShape(feed.shape, shape)) throw fault(`[${shape.join()}]`, `[${feed.shape.join()}]`);
  const kept = feed.data.constructor.name;
  if (!isData(feed.data, dtype)) throw fault(dtype, kept);
  const size = shape.reduce((product, length) => product * length, 1);
  if (feed.data.length !== size) throw fault(`${size} elements`, `${feed.data.length} elements`);
  return feed;
}

/** Whether `data` is the array that elements of `dtype` are kept in. */
export function isData(data: unknown, dtype: DType): data is HostTensor['data'] {
  return data instanceof ARRAYS[dtype];
}
