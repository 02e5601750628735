import {
  GRAPH_INPUTS,
  GRAPH_OUTPUT,
  type GoldenRows,
  type GraphTensor,
  TEMPORAL_INPUT,
  type TemporalTable,
} from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import type { LoadedGraph, LoadedTemporalGraph } from './graph.ts';

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
  const temporal = TEMPORAL_INPUT in golden.inputs && tensorOf(golden.inputs, TEMPORAL_INPUT);
  const found = await graph.run({ states, label, task, ...(temporal && { temporal }) });
  return compared(found, expected, golden);
}

/**
 * Asks a temporal graph for the table that was shipped with it.
 * @returns the largest absolute error
 * @throws VamoError CHECKPOINT_SELFTEST as `selfTest`
 */
export async function temporalSelfTest(
  graph: LoadedTemporalGraph,
  table: TemporalTable,
): Promise<number> {
  return compared(await graph.run(table.market), table.z, table);
}

function compared(
  found: GraphTensor,
  expected: GraphTensor,
  { atol, rtol }: { readonly atol: number; readonly rtol: number },
): number {
  if (found.data.length !== expected.data.length)
    throw failed(`${found.data.length} values, expected are ${expected.data.length}`);
  let largest = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const want = expected.data[i] ?? Number.NaN;
    const have = found.data[i] ?? Number.NaN;
    const error = Math.abs(have - want);
    if (!(error <= atol + rtol * Math.abs(want)))
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
