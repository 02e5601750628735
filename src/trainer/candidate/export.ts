import { sha256, VamoError } from '../../core/index.ts';
import type { GRAPH_INPUTS } from '../../contracts/index.ts';
import {
  GRAPH_OUTPUT,
  type GoldenRows,
  type GraphTensor,
  type Normaliser,
  TEMPORAL_GRAPH,
  TEMPORAL_INPUT,
  temporalTableFile,
} from '../../contracts/index.ts';
import { compile, type HostTensor, type TracedGraph } from '../../engine/index.ts';
import type { TrajectoryRef } from '../loop/dataset.ts';
import {
  inferenceInputs,
  traceForward,
  traceInference,
  traceTables,
  traceTemporal,
} from '../../model/index.ts';
import { floatOutput, graphRunner, tableOf, type Trained } from './planner.ts';
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
    /** With a temporal module only. */
    readonly temporal?: Uint8Array;
    readonly table?: Uint8Array;
  };
  /** Over the files' digests. */
  readonly digest: string;
}

export interface ExportOptions extends Trained {
  readonly normaliser: Normaliser;
  /** Rows of a call of the published graph. */
  readonly batch: number;
  /** Where golden rows come from; at least one a task. */
  readonly trajectories: readonly TrajectoryRef[];
  /** The first day the version serves and the market before it; null without a temporal module. */
  readonly served?: { readonly day: string; readonly market: HostTensor } | null;
}

/** States cut off at different steps, labels over [0, 1], every task: rounded, so that JSON is short. */
function goldenInputs(options: ExportOptions): Record<(typeof GRAPH_INPUTS)[number], GraphTensor> {
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
    const trajectory = own[Math.floor(row / io.tasks) % own.length]?.read();
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

/** What training computes, parameters fed as inputs: the other side of every check. */
async function inTraining(
  graph: TracedGraph,
  { models }: ExportOptions,
  output: string,
  inputs: Readonly<Record<string, HostTensor>>,
): Promise<GraphTensor> {
  const compiled = await compile(graph);
  try {
    const feeds: Record<string, HostTensor> = { ...inputs };
    models.forEach(({ generator, inverse }, i) => {
      feeds[`generator.${i}`] = { shape: [generator.length], data: generator };
      feeds[`inverse.${i}`] = { shape: [inverse.length], data: inverse };
    });
    const asked = Object.entries(feeds).filter(([name]) => name in graph.inputs);
    return await floatOutput(compiled, output, Object.fromEntries(asked));
  } finally {
    await compiled.release();
  }
}

/**
 * The temporal graph and its table of the first served day; the graph must give what training gives.
 * @throws VamoError CHECKPOINT_SELFTEST when it does not
 */
async function temporalFiles(options: ExportOptions) {
  const { settings, plan, io, models, served } = options;
  if (settings.temporal === 'none') return null;
  const z = await tableOf(options, served?.market ?? null);
  if (z === null || !served)
    throw new VamoError('WINDOW_INCOMPLETE', 'no market before the first served day');
  const { day, market } = served;
  const traced = traceTables(settings, plan, io, models.length);
  const { input, output } = TEMPORAL_GRAPH;
  requireClose(z, await inTraining(traced, options, output, { [input]: market }));
  const tolerance = { atol: GOLDEN_ATOL, rtol: GOLDEN_RTOL };
  const window = { shape: market.shape, data: Float32Array.from(market.data) };
  return {
    z,
    temporal: traceTemporal(settings, plan, io, models).bytes,
    table: temporalTableFile({ day, market: window, z, ...tolerance }),
  };
}

function requireClose(found: GraphTensor, expected: GraphTensor): void {
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

function listed(tensors: Readonly<Record<string, GraphTensor>>): GoldenRows['inputs'] {
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
  const temporal = await temporalFiles(options);
  const inputs = { ...goldenInputs(options), ...(temporal && { [TEMPORAL_INPUT]: temporal.z }) };
  const forward = traceForward(settings, plan, io, models.length, batch);
  const expected = await inTraining(forward, options, GRAPH_OUTPUT, inputs);
  const graph = await compile(traced);
  try {
    requireClose(await graphRunner(graph)(inputs), expected);
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
    weights: encodeWeights(plan, models, settings),
    ...(temporal && { temporal: temporal.temporal, table: temporal.table }),
  };
  const lines = Object.entries(files).map(([role, bytes]) => `${role}:${sha256(bytes)}`);
  return { files, digest: sha256(lines.sort().join('\n')) };
}
