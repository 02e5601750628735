import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { VamoError } from '../core/index.ts';
import { sameShape } from './operand.ts';
import type {
  CompiledGraph,
  CompileOptions,
  DType,
  HostTensor,
  TensorSpec,
  TracedGraph,
} from './types.ts';

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/**
 * Makes a traced graph ready to run with onnxruntime. On the cpu, results are the same bits for any
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
      checkNames(graph.inputs, feeds);
      const tensors: Record<string, Tensor> = {};
      for (const [name, spec] of Object.entries(graph.inputs)) {
        const { data } = checked(name, spec, feeds[name]);
        tensors[name] = new ort.Tensor(spec.dtype, data, spec.shape);
      }
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

/** @throws VamoError ENGINE_GRAPH naming an input that is none */
export function checkNames(inputs: Readonly<Record<string, TensorSpec>>, feeds: object): void {
  const unknown = Object.keys(feeds).find((name) => !(name in inputs));
  if (unknown !== undefined) {
    throw new VamoError('ENGINE_GRAPH', `input ${unknown} is not an input of the graph`);
  }
}

/** @throws VamoError ENGINE_GRAPH when an input is missing, or of another shape or type */
export function checked(name: string, { shape, dtype }: TensorSpec, feed?: HostTensor): HostTensor {
  if (feed === undefined) throw new VamoError('ENGINE_GRAPH', `input ${name} is missing`);
  const fault = (expected: string, found: string): VamoError =>
    new VamoError('ENGINE_GRAPH', `input ${name} is ${found}, the graph takes ${expected}`);
  if (!sameShape(feed.shape, shape)) throw fault(`[${shape.join()}]`, `[${feed.shape.join()}]`);
  if (!(feed.data instanceof ARRAYS[dtype])) throw fault(dtype, feed.data.constructor.name);
  const size = shape.reduce((product, length) => product * length, 1);
  if (feed.data.length !== size) throw fault(`${size} elements`, `${feed.data.length} elements`);
  return feed;
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

/** Whether `data` is the array that elements of `dtype` are kept in. */
export function isData(data: unknown, dtype: DType): data is HostTensor['data'] {
  return data instanceof ARRAYS[dtype];
}
