import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  type CheckpointManifest,
  GRAPH_OUTPUT,
  type GraphRunner,
  type GraphTensor,
  TEMPORAL_GRAPH,
  TEMPORAL_INPUT,
} from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';

/** A published graph made ready to run. */
export interface LoadedGraph {
  /** Runs the graph on one full batch. Blocks the thread while it computes. */
  readonly run: GraphRunner;
  release(): Promise<void>;
}

/** A published temporal graph: from the market of the days before to z, [M, T, hidden]. */
export interface LoadedTemporalGraph {
  readonly run: (market: GraphTensor) => Promise<GraphTensor>;
  release(): Promise<void>;
}

type GraphIo = CheckpointManifest['io'];
type Shapes = Readonly<Record<string, readonly number[]>>;

/** The shapes of a graph's inputs and of its one output. */
interface Face {
  readonly inputs: Shapes;
  readonly output: { readonly name: string; readonly shape: readonly number[] };
}

/** The face a graph must have for its manifest's `io`. */
function graphFace(io: GraphIo): Face {
  const { temporal } = io;
  return {
    inputs: {
      states: [io.batch, io.steps, io.features],
      label: [io.batch, 1],
      task: [io.batch, io.tasks.length],
      ...(temporal && { [TEMPORAL_INPUT]: [temporal.models, io.steps, temporal.hidden] }),
    },
    output: { name: GRAPH_OUTPUT, shape: [io.batch, io.steps] },
  };
}

/**
 * Loads a published graph and holds it to the graph contract before anything runs: names, types and
 * static shapes. No custom operators, no files beside the bytes. Loading and running both block the
 * calling thread: give it a worker.
 * @throws VamoError CHECKPOINT_INVALID naming the input or output that differs
 */
export async function loadGraph(
  bytes: Uint8Array,
  io: GraphIo,
  options: { readonly threads?: number } = {},
): Promise<LoadedGraph> {
  return open('graph', bytes, graphFace(io), options.threads ?? 1);
}

/**
 * `loadGraph` for the temporal graph.
 * @throws VamoError CHECKPOINT_INVALID, also when the manifest's `io` has no temporal module
 */
export async function loadTemporalGraph(
  bytes: Uint8Array,
  io: GraphIo,
  options: { readonly threads?: number } = {},
): Promise<LoadedTemporalGraph> {
  const { temporal, steps } = io;
  if (!temporal) throw new VamoError('CHECKPOINT_INVALID', 'io.temporal: missing');
  const { input, output } = TEMPORAL_GRAPH;
  const face: Face = {
    inputs: { [input]: [1, temporal.history, temporal.channels] },
    output: { name: output, shape: [temporal.models, steps, temporal.hidden] },
  };
  const graph = await open('temporal', bytes, face, options.threads ?? 1);
  return { run: (market) => graph.run({ [input]: market }), release: () => graph.release() };
}

async function open(role: string, bytes: Uint8Array, face: Face, threads: number) {
  const session = await openSession(role, bytes, threads);
  const { inputs, output } = face;
  try {
    checkFace(role, 'input', session.inputMetadata, inputs);
    checkFace(role, 'output', session.outputMetadata, { [output.name]: output.shape });
  } catch (error) {
    await session.release();
    throw error;
  }
  return {
    run: (given: Readonly<Record<string, GraphTensor | undefined>>) =>
      run(role, session, given, face),
    release: () => session.release(),
  };
}

async function openSession(
  role: string,
  bytes: Uint8Array,
  threads: number,
): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw new VamoError('CHECKPOINT_INVALID', `${role}: the runtime cannot load it`, { cause });
  }
}

function checkFace(
  role: string,
  side: 'input' | 'output',
  found: readonly InferenceSession.ValueMetadata[],
  shapes: Shapes,
): void {
  const extra = found.find(({ name }) => !Object.hasOwn(shapes, name));
  if (extra !== undefined) throw unlike(role, `unknown ${side} "${extra.name}"`);
  for (const [name, shape] of Object.entries(shapes)) {
    const value = found.find((v) => v.name === name);
    if (!value?.isTensor) throw unlike(role, `${side} "${name}" is missing`);
    const want = `float32[${shape.join(',')}]`;
    const have = `${value.type}[${value.shape.join(',')}]`;
    if (have !== want) throw unlike(role, `${side} "${name}" is ${have}, must be ${want}`);
  }
}

function unlike(role: string, what: string): VamoError {
  return new VamoError('CHECKPOINT_INVALID', `${role}: ${what}`);
}

async function run(
  role: string,
  session: InferenceSession,
  given: Readonly<Record<string, GraphTensor | undefined>>,
  { inputs, output }: Face,
): Promise<GraphTensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [name, wanted] of Object.entries(inputs)) {
    const tensor = given[name];
    if (tensor?.shape.join() !== wanted.join())
      throw unlike(role, `input "${name}" was given shape [${tensor?.shape.join(',') ?? ''}]`);
    feeds[name] = new Tensor('float32', tensor.data, [...tensor.shape]);
  }
  const result = (await session.run(feeds))[output.name];
  if (!(result?.data instanceof Float32Array)) throw unlike(role, `no output "${output.name}"`);
  return { shape: result.dims, data: result.data };
}
