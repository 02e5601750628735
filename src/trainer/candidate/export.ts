import { sha256, VamoError } from '../../core/index.ts';
import type { GRAPH_INPUTS } from '../../contracts/index.ts';
import {
  GRAPH_OUTPUT,
  type GoldenRows,
  type GraphRunner,
  type Normaliser,
} from '../../contracts/index.ts';
import { compile, type CompiledGraph, type HostTensor } from '../../engine/index.ts';
import type { Trajectory } from '../../features/index.ts';
import {
  inferenceInputs,
  type ModelIo,
  type ModelSettings,
  type ParameterPlan,
  type ParameterVectors,
  traceForward,
  traceInference,
} from '../../model/index.ts';
import { encodeWeights } from './weights.ts';

/** Golden rows that hold trajectories; the rest of the batch is zeros. */
const GOLDEN_ROWS = 6;
const GOLDEN_ATOL = 1e-4;
const GOLDEN_RTOL = 1e-3;

export interface Candidate {
  /** By role of the checkpoint contract. The same inputs give the same bytes. */
  readonly files: {
    readonly graph: Uint8Array;
    readonly normaliser: Uint8Array;
    readonly golden: Uint8Array;
    readonly weights: Uint8Array;
  };
  /** Over the files' digests. */
  readonly digest: string;
}

export interface ExportOptions {
  readonly settings: ModelSettings;
  readonly plan: ParameterPlan;
  readonly io: ModelIo;
  readonly models: readonly ParameterVectors[];
  readonly normaliser: Normaliser;
  /** Rows of a call of the published graph. */
  readonly batch: number;
  /** Where golden rows come from; at least one a task. */
  readonly trajectories: readonly Trajectory[];
}

/** A compiled inference graph as planners call it. */
export function graphRunner(graph: CompiledGraph): GraphRunner {
  return async (inputs) => {
    const { [GRAPH_OUTPUT]: output } = await graph.run(inputs);
    if (!(output?.data instanceof Float32Array))
      throw new VamoError('ENGINE_GRAPH', `the inference graph gave no "${GRAPH_OUTPUT}"`);
    return { shape: output.shape, data: output.data };
  };
}

/** Compiles the inference graph of some parameters for use by planners. */
export async function compileInference(
  options: Pick<ExportOptions, 'settings' | 'plan' | 'io' | 'models' | 'batch'>,
  threads: number,
): Promise<CompiledGraph> {
  const { settings, plan, io, models, batch } = options;
  return compile(traceInference(settings, plan, io, models, batch), { threads });
}

/** States cut off at different steps, labels over [0, 1], every task: rounded, so that JSON is short. */
function goldenInputs(options: ExportOptions): Record<(typeof GRAPH_INPUTS)[number], HostTensor> {
  const { settings, io, batch, models, trajectories } = options;
  const specs = inferenceInputs(settings, io, { batch, models: models.length });
  const zeros = (shape: readonly number[]): Float32Array =>
    new Float32Array(shape.reduce((a, b) => a * b, 1));
  const states = zeros(specs.states.shape);
  const label = zeros(specs.label.shape);
  const task = zeros(specs.task.shape);
  const rows = Math.min(GOLDEN_ROWS, batch);
  for (let row = 0; row < rows; row++) {
    const wanted = row % io.tasks;
    const own = trajectories.filter((t) => t.task === wanted);
    const trajectory = own[Math.floor(row / io.tasks) % own.length];
    const filled = io.steps - Math.floor((row * io.steps) / (2 * rows));
    const values = trajectory?.states.subarray(0, filled * io.features) ?? [];
    states.set(
      Array.from(values, (x) => Math.round(x * 1e4) / 1e4),
      row * io.steps * io.features,
    );
    label[row] = row / Math.max(1, rows - 1);
    task[row * io.tasks + wanted] = 1;
  }
  return {
    states: { shape: specs.states.shape, data: states },
    label: { shape: specs.label.shape, data: label },
    task: { shape: specs.task.shape, data: task },
  };
}

/** Outputs of the training-time forward pass, parameters fed as inputs. */
async function forward(
  { settings, plan, io, models, batch }: ExportOptions,
  inputs: Readonly<Record<string, HostTensor>>,
): Promise<HostTensor> {
  const graph = await compile(traceForward(settings, plan, io, models.length, batch));
  try {
    const feeds: Record<string, HostTensor> = { ...inputs };
    models.forEach(({ generator, inverse }, i) => {
      feeds[`generator.${i}`] = { shape: [generator.length], data: generator };
      if (inverse.length > 0) feeds[`inverse.${i}`] = { shape: [inverse.length], data: inverse };
    });
    const { [GRAPH_OUTPUT]: output } = await graph.run(feeds);
    if (!output) throw new VamoError('ENGINE_GRAPH', `no output "${GRAPH_OUTPUT}"`);
    return output;
  } finally {
    await graph.release();
  }
}

function requireClose(found: HostTensor, expected: HostTensor): void {
  const bad = found.data.findIndex((x, i) => {
    const wanted = expected.data[i] ?? Number.NaN;
    return !(Math.abs(x - wanted) <= GOLDEN_ATOL + GOLDEN_RTOL * Math.abs(wanted));
  });
  if (bad < 0) return;
  throw new VamoError(
    'CHECKPOINT_SELFTEST',
    `the exported graph gives ${found.data[bad]} where training gives ${expected.data[bad]} (element ${bad})`,
  );
}

function listed(tensors: Readonly<Record<string, HostTensor>>): GoldenRows['inputs'] {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { shape, data }]) => [
      name,
      { shape: [...shape], data: [...data] },
    ]),
  );
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);

/**
 * The files of a version. Golden rows come from the training-time forward pass, not from the
 * exported graph; the graph must reproduce them before it leaves.
 * @throws VamoError CHECKPOINT_SELFTEST when it does not
 */
export async function exportCandidate(options: ExportOptions): Promise<Candidate> {
  const { settings, plan, io, models, normaliser, batch } = options;
  const traced = traceInference(settings, plan, io, models, batch);
  const inputs = goldenInputs(options);
  const expected = await forward(options, inputs);
  const graph = await compile(traced);
  try {
    requireClose(await graphRunner(graph)(inputs as Parameters<GraphRunner>[0]), expected);
  } finally {
    await graph.release();
  }
  const golden: GoldenRows = {
    schema: 'golden/v1',
    inputs: listed(inputs),
    outputs: listed({ [GRAPH_OUTPUT]: expected }),
    atol: GOLDEN_ATOL,
    rtol: GOLDEN_RTOL,
  };
  const files = {
    graph: traced.bytes,
    normaliser: json(normaliser),
    golden: json(golden),
    weights: encodeWeights(plan, models),
  };
  const lines = Object.entries(files).map(([role, bytes]) => `${role}:${sha256(bytes)}`);
  return { files, digest: sha256(lines.sort().join('\n')) };
}
