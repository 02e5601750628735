import { VamoError } from '../../core/index.ts';
import {
  GRAPH_OUTPUT,
  type GraphRunner,
  type GraphTensor,
  type Normaliser,
  TEMPORAL_GRAPH,
} from '../../contracts/index.ts';
import { compile, type CompiledGraph, type HostTensor } from '../../engine/index.ts';
import { createPlanner, type Planner, withTable } from '../../features/index.ts';
import {
  type ModelIo,
  type ModelSettings,
  type ParameterPlan,
  type ParameterVectors,
  traceInference,
  traceTemporal,
} from '../../model/index.ts';

/** Trained parameters and what they are parameters of. */
export interface Trained {
  readonly settings: ModelSettings;
  readonly plan: ParameterPlan;
  readonly io: ModelIo;
  /** One set for all tasks, or one a task. */
  readonly models: readonly ParameterVectors[];
}

/** A float output of a compiled graph. */
export async function floatOutput(
  graph: CompiledGraph,
  name: string,
  feeds: Readonly<Record<string, HostTensor>>,
): Promise<GraphTensor> {
  const { [name]: output } = await graph.run(feeds);
  if (output?.data instanceof Float32Array) return { shape: output.shape, data: output.data };
  throw new VamoError('ENGINE_GRAPH', `the graph gave no "${name}"`);
}

/** A compiled inference graph as planners call it. */
export function graphRunner(graph: CompiledGraph): GraphRunner {
  return (inputs) => {
    const given = Object.entries(inputs).filter(([name]) => name in graph.inputs);
    return floatOutput(graph, GRAPH_OUTPUT, Object.fromEntries(given));
  };
}

/**
 * z of the day after a market window, as the published temporal graph gives it, [M, T, hidden]; null
 * without a temporal module.
 */
export async function tableOf(
  { settings, plan, io, models }: Trained,
  window: HostTensor | null,
): Promise<GraphTensor | null> {
  if (settings.temporal === 'none') return null;
  if (window === null) throw new VamoError('WINDOW_INCOMPLETE', 'no market before the day');
  const graph = await compile(traceTemporal(settings, plan, io, models));
  try {
    return await floatOutput(graph, TEMPORAL_GRAPH.output, { [TEMPORAL_GRAPH.input]: window });
  } finally {
    await graph.release();
  }
}

/** A planner on the inference graph of some parameters, for one day. */
export async function compilePlanner(
  options: Trained & { readonly batch: number; readonly normaliser: Normaliser },
  window: HostTensor | null,
  threads: number,
): Promise<{ readonly planner: Planner; readonly release: () => Promise<void> }> {
  const { settings, plan, io, models, batch, normaliser } = options;
  const table = await tableOf(options, window);
  const graph = await compile(traceInference(settings, plan, io, models, batch), { threads });
  const runner = withTable(graphRunner(graph), table);
  return { planner: createPlanner(normaliser, runner, { batch }), release: () => graph.release() };
}
