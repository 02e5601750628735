import { InferenceSession, Tensor } from 'onnxruntime-node';
import {
  type CheckpointManifest,
  GRAPH_INPUTS,
  GRAPH_OUTPUT,
  type GraphRunner,
  type GraphTensor,
} from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';

/** A published graph made ready to run. */
export interface LoadedGraph {
  /** Runs the graph on one full batch. Blocks the thread while it computes. */
  readonly run: GraphRunner;
  release(): Promise<void>;
}

type GraphIo = CheckpointManifest['io'];
type InputName = (typeof GRAPH_INPUTS)[number];

/** The shapes a graph must have for its manifest's `io`. */
function graphShapes(io: GraphIo): Readonly<Record<string, readonly number[]>> {
  return {
    states: [io.batch, io.steps, io.features],
    label: [io.batch, 1],
    task: [io.batch, io.tasks.length],
    [GRAPH_OUTPUT]: [io.batch, io.steps],
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
  const session = await openSession(bytes, options.threads ?? 1);
  const shapes = graphShapes(io);
  try {
    checkFace('input', session.inputMetadata, [...GRAPH_INPUTS], shapes);
    checkFace('output', session.outputMetadata, [GRAPH_OUTPUT], shapes);
  } catch (error) {
    await session.release();
    throw error;
  }
  return {
    run: (inputs) => run(session, inputs, shapes),
    release: () => session.release(),
  };
}

async function openSession(bytes: Uint8Array, threads: number): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw new VamoError('CHECKPOINT_INVALID', 'graph: the runtime cannot load it', { cause });
  }
}

function checkFace(
  side: 'input' | 'output',
  found: readonly InferenceSession.ValueMetadata[],
  names: readonly string[],
  shapes: Readonly<Record<string, readonly number[]>>,
): void {
  const extra = found.find(({ name }) => !names.includes(name));
  if (extra !== undefined) throw unlike(`unknown ${side} "${extra.name}"`);
  for (const name of names) {
    const value = found.find((v) => v.name === name);
    if (!value?.isTensor) throw unlike(`${side} "${name}" is missing`);
    const want = `float32[${(shapes[name] ?? []).join(',')}]`;
    const have = `${value.type}[${value.shape.join(',')}]`;
    if (have !== want) throw unlike(`${side} "${name}" is ${have}, must be ${want}`);
  }
}

function unlike(what: string): VamoError {
  return new VamoError('CHECKPOINT_INVALID', `graph: ${what}`);
}

async function run(
  session: InferenceSession,
  inputs: Readonly<Record<InputName, GraphTensor>>,
  shapes: Readonly<Record<string, readonly number[]>>,
): Promise<GraphTensor> {
  const feeds: Record<string, Tensor> = {};
  for (const name of GRAPH_INPUTS) {
    const { data, shape } = inputs[name];
    if (shape.join() !== shapes[name]?.join())
      throw unlike(`input "${name}" was given shape [${shape.join(',')}]`);
    feeds[name] = new Tensor('float32', data, [...shape]);
  }
  const output = (await session.run(feeds))[GRAPH_OUTPUT];
  if (!(output?.data instanceof Float32Array)) throw unlike(`no output "${GRAPH_OUTPUT}"`);
  return { shape: output.dims, data: output.data };
}
