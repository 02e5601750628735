import type { CompiledGraph, CompileOptions, TracedGraph } from './types.ts';

/**
 * Makes a traced graph ready to run on the CPU with onnxruntime. Results are the same bits for any
 * number of threads. Outputs may be fed back as inputs as they are.
 * @throws VamoError ENGINE_GRAPH when the runtime refuses the graph, with its message as the cause
 */
export function compile(
  _graph: TracedGraph,
  _options: CompileOptions = {},
): Promise<CompiledGraph> {
  return Promise.reject(new Error('not yet'));
}
