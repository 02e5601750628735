import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { VamoError } from '../core/index.ts';
import { requireProvider } from './providers.ts';
import { createDownload, type Download } from './download.ts';
import { isResident, residentTensor, runtimeTensorOf } from './resident.ts';
import { guarded, loadRuntime, sessionOptions } from './runtime.ts';
import { sameShape } from './operand.ts';
import type {
  CompiledGraph,
  CompileOptions,
  DType,
  Feeds,
  HostTensor,
  Provider,
  ResidentTensor,
  Results,
  TensorSpec,
  TracedGraph,
} from './types.ts';

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/**
 * Makes a traced graph ready to run with onnxruntime. On the cpu, results are the same bits for any
 * number of threads, and outputs may be fed back as inputs as they are: their memory is not copied.
 * @throws VamoError ENGINE_UNAVAILABLE when the provider is not there, with reason and mend
 * @throws VamoError ENGINE_GRAPH when the runtime refuses the graph, with its message as the cause
 */
export async function compile(
  graph: TracedGraph,
  options: CompileOptions = {},
): Promise<CompiledGraph> {
  const { provider = 'cpu', resident = [] } = options;
  const unknown = resident.find((name) => !(name in graph.outputs));
  if (unknown !== undefined) {
    throw new VamoError('ENGINE_GRAPH', `resident ${unknown} is not an output of the graph`);
  }
  const ort = await loadRuntime();
  await requireProvider(provider);
  const session = await guarded('compile', () =>
    ort.InferenceSession.create(graph.bytes, sessionOptions(options)),
  );
  const download = createDownload(provider);
  let isReleased = false;
  async function runResident(feeds: Feeds): Promise<Results> {
    if (isReleased) throw new VamoError('ENGINE_GRAPH', 'the graph was released');
    checkNames(graph.inputs, feeds);
    const tensors: Record<string, Tensor> = {};
    for (const [name, spec] of Object.entries(graph.inputs)) {
      const feed = checkedFeed(name, spec, provider, feeds[name]);
      tensors[name] = isResident(feed)
        ? runtimeTensorOf(feed)
        : new ort.Tensor(spec.dtype, feed.data, spec.shape);
    }
    const results = await guarded('run', () => session.run(tensors));
    return sorted(results, graph.outputs, { provider, resident, download });
  }
  return {
    inputs: graph.inputs,
    outputs: graph.outputs,
    run: async (feeds) => {
      const { host, resident: staying } = await runResident(feeds);
      const all: Record<string, HostTensor> = { ...host };
      for (const [name, tensor] of Object.entries(staying)) {
        all[name] = await tensor.read();
        tensor.dispose();
      }
      return all;
    },
    runResident,
    release: async () => {
      if (isReleased) return;
      isReleased = true;
      await download.release();
      await session.release();
    },
  };
}

/** @throws VamoError ENGINE_GRAPH naming an input that is none */
export function checkNames(inputs: Readonly<Record<string, TensorSpec>>, feeds: object): void {
  const unknown = Object.keys(feeds).find((name) => !(name in inputs));
  if (unknown !== undefined) {
    throw new VamoError('ENGINE_GRAPH', `input ${unknown} is not an input of the graph`);
  }
}

/** A tensor of the graph's provider, or one in host memory. */
function checkedFeed(
  name: string,
  spec: TensorSpec,
  provider: Provider,
  feed?: HostTensor | ResidentTensor,
): HostTensor | ResidentTensor {
  if (feed === undefined || !isResident(feed)) return checked(name, spec, feed);
  const taken = `[${spec.shape.join()}] on ${provider}`;
  if (feed.provider === provider && sameShape(feed.shape, spec.shape)) return feed;
  throw new VamoError(
    'ENGINE_GRAPH',
    `input ${name} is [${feed.shape.join()}] on ${feed.provider}, the graph takes ${taken}`,
  );
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

/** A run's outputs, those asked to stay apart from the others. */
function sorted(
  results: InferenceSession.ReturnType,
  specs: Readonly<Record<string, TensorSpec>>,
  keep: {
    readonly provider: Provider;
    readonly resident: readonly string[];
    readonly download: Download;
  },
): Results {
  const host: Record<string, HostTensor> = {};
  const resident: Record<string, ResidentTensor> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const tensor = results[name];
    if (tensor === undefined) throw new VamoError('ENGINE_GRAPH', `output ${name} is missing`);
    if (!keep.resident.includes(name)) host[name] = hostTensor(name, spec, tensor.data);
    else
      resident[name] = residentTensor(tensor, spec.shape, keep.provider, async (kept) =>
        hostTensor(name, spec, await keep.download.read(kept, spec)),
      );
  }
  return { host, resident };
}

function hostTensor(name: string, { shape, dtype }: TensorSpec, data: unknown): HostTensor {
  if (!isData(data, dtype)) {
    throw new VamoError('ENGINE_GRAPH', `output ${name} is not ${dtype}`);
  }
  return { shape, data };
}

/** Whether `data` is the array that elements of `dtype` are kept in. */
export function isData(data: unknown, dtype: DType): data is HostTensor['data'] {
  return data instanceof ARRAYS[dtype];
}
