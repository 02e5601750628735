import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { VamoError } from '../core/index.ts';
import { checkedFeeds, isData } from './feeds.ts';
import type {
  CompiledGraph,
  CompileOptions,
  HostTensor,
  TensorSpec,
  TracedGraph,
} from './types.ts';

/**
 * Makes a traced graph ready to run with onnxruntime, on the CPU unless another provider is asked for. Results are the same bits for any
 * number of threads. Outputs may be fed back as inputs as they are; their memory is not copied.
 * @throws VamoError ENGINE_GRAPH when the runtime refuses the graph, with its message as the cause
 */
export async function compile(
  graph: TracedGraph,
  options: CompileOptions = {},
): Promise<CompiledGraph> {
  const ort = await loadRuntime();
  const session = await guarded('compile', () =>
    ort.InferenceSession.create(graph.bytes, sessionOptions(options)),
  );
  let isReleased = false;
  return {
    inputs: graph.inputs,
    outputs: graph.outputs,
    run: async (feeds) => {
      if (isReleased) throw new VamoError('ENGINE_GRAPH', 'the graph was released');
      const tensors: Record<string, Tensor> = {};
      for (const [name, { dtype, shape }, { data }] of checkedFeeds(graph.inputs, feeds))
        tensors[name] = new ort.Tensor(dtype, data, shape);
      const results = await guarded('run', () => session.run(tensors));
      return Object.fromEntries(
        Object.entries(graph.outputs).map(([name, spec]) => [
          name,
          hostTensor(name, spec, results),
        ]),
      );
    },
    release: async () => {
      if (isReleased) return;
      isReleased = true;
      await session.release();
    },
  };
}

function sessionOptions({
  threads = 0,
  provider = 'cpu',
}: CompileOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Errors only: they reach the caller as exceptions anyway.
    logSeverityLevel: 3,
    // Denormals cost a hundred times a normal number and mean nothing in training.
    extra: { session: { set_denormal_as_zero: '1' } },
  };
}

async function loadRuntime() {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new VamoError('ENGINE_UNAVAILABLE', 'package onnxruntime-node did not load', { cause });
  }
}

async function guarded<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new VamoError('ENGINE_GRAPH', `onnxruntime could not ${what} the graph: ${reason}`, {
      cause,
    });
  }
}

function hostTensor(
  name: string,
  { shape, dtype }: TensorSpec,
  results: InferenceSession.ReturnType,
): HostTensor {
  const data: unknown = results[name]?.data;
  if (!isData(data, dtype)) {
    throw new VamoError('ENGINE_GRAPH', `output ${name} is not ${dtype}`);
  }
  return { shape, data };
}
