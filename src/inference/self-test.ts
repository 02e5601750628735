import {
  GRAPH_INPUTS,
  GRAPH_OUTPUT,
  type GoldenRows,
  type GraphTensor,
} from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import type { LoadedGraph } from './graph.ts';

/**
 * Asks a graph its golden rows. A weight with one flipped bit loads without complaint; this is what
 * notices.
 * @returns the largest absolute error
 * @throws VamoError CHECKPOINT_SELFTEST when an answer is not finite or off by more than
 * atol + rtol * |expected|
 */
export async function selfTest(graph: LoadedGraph, golden: GoldenRows): Promise<number> {
  const [states, label, task] = GRAPH_INPUTS.map((name) => tensorOf(golden.inputs, name));
  const expected = tensorOf(golden.outputs, GRAPH_OUTPUT);
  if (states === undefined || label === undefined || task === undefined) throw failed('no inputs');
  const found = await graph.run({ states, label, task });
  if (found.data.length !== expected.data.length)
    throw failed(`${found.data.length} values, golden rows have ${expected.data.length}`);
  let largest = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const want = expected.data[i] ?? Number.NaN;
    const have = found.data[i] ?? Number.NaN;
    const error = Math.abs(have - want);
    if (!(error <= golden.atol + golden.rtol * Math.abs(want)))
      throw failed(`value ${i}: expected ${want}, found ${have}`, { index: i, want, have });
    largest = Math.max(largest, error);
  }
  return largest;
}

function tensorOf(side: GoldenRows['inputs'], name: string): GraphTensor {
  const tensor = side[name];
  if (tensor === undefined) throw failed(`golden rows have no "${name}"`);
  const data = Float32Array.from(tensor.data);
  const size = tensor.shape.reduce((a, b) => a * b, 1);
  if (size === 0 || size !== data.length)
    throw failed(`golden "${name}": ${data.length} values for shape [${tensor.shape.join(',')}]`);
  return { shape: tensor.shape, data };
}

function failed(message: string, details: Record<string, unknown> = {}): VamoError {
  return new VamoError('CHECKPOINT_SELFTEST', message, { details });
}
