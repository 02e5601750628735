import {
  type CheckpointManifest,
  goldenRows,
  type MarketSums,
  normaliser,
  parseTemporalTable,
  readJson,
} from '../contracts/index.ts';
import { STEPS, VamoError } from '../core/index.ts';
import { alphaOfStep, bangBangNext, type PlanRequest } from '../features/index.ts';
import { loadGraph, loadTemporalGraph, selfTest, temporalSelfTest } from '../inference/index.ts';
import { createDayPlanners } from './day-planners.ts';

const MAX_JSON_BYTES = 64 * 1024 * 1024;
/** The fastest of these runs counts, so that a busy machine does not refuse a good model. */
const TIMED_RUNS = 3;

/** The verified files a bidder serves from. Plain data: it crosses to the worker as it is. */
export interface ServedFiles {
  readonly io: CheckpointManifest['io'];
  readonly limits: CheckpointManifest['limits'];
  readonly graph: Uint8Array;
  readonly normaliser: Uint8Array;
  readonly golden: Uint8Array;
  /** With a temporal module: its graph, and its table of the first served day. */
  readonly temporal?: { readonly graph: Uint8Array; readonly table: Uint8Array };
}

/** Alphas in the order of the requests, and the positions where pacing had to stand in. */
export interface Scales {
  readonly alphas: Float64Array;
  readonly fallback: readonly number[];
  /** The day's own temporal table was not known; the newest one stood in. */
  readonly stale: boolean;
}

/** A loaded, tested version. The same files and requests give the same floats, in any process. */
export interface Model {
  readonly selfTestMaxError: number;
  /** Milliseconds of a full batch, the fastest of a few. */
  readonly batchMs: number;
  /** The day of the shipped table; null without a temporal module. */
  readonly tableDay: string | null;
  /** @param requests all of one day */
  answer(requests: readonly PlanRequest[]): Promise<Scales>;
  /** Computes a day's temporal table from the market of the days before it, oldest first. */
  learn(day: string, market: readonly MarketSums[]): Promise<void>;
  release(): Promise<void>;
}

/**
 * Loads a version, asks it its golden rows and times it.
 * @param clock monotonic milliseconds
 * @throws VamoError CHECKPOINT_INVALID, CHECKPOINT_SELFTEST
 */
export async function loadModel(
  files: ServedFiles,
  options: { readonly clock: () => number; readonly threads?: number },
): Promise<Model> {
  const source = { code: 'CHECKPOINT_INVALID', maxBytes: MAX_JSON_BYTES } as const;
  const scale = readJson(normaliser, files.normaliser, { ...source, what: 'normaliser' });
  const golden = readJson(goldenRows, files.golden, { ...source, what: 'golden' });
  if (scale.tasks.map(({ id }) => id).join() !== files.io.tasks.join())
    throw new VamoError(
      'CHECKPOINT_INVALID',
      'normaliser: its tasks are not those of the manifest',
    );
  const threads = options.threads ?? 1;
  const graph = await loadGraph(files.graph, files.io, { threads });
  const temporal = await loadTemporal(files, threads).catch(async (error: unknown) => {
    await graph.release();
    throw error;
  });
  const release = async (): Promise<void> => {
    await graph.release();
    await temporal?.release();
  };
  try {
    const selfTestMaxError = await selfTest(graph, golden);
    let batchMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < TIMED_RUNS; i++) {
      const start = options.clock();
      await selfTest(graph, golden);
      batchMs = Math.min(batchMs, options.clock() - start);
    }
    if (batchMs > files.limits.maxMs)
      throw new VamoError(
        'CHECKPOINT_SELFTEST',
        `a batch takes ${batchMs.toFixed(0)} ms, limits.maxMs is ${files.limits.maxMs}`,
      );
    const served = { normaliser: scale, io: files.io, run: graph.run };
    const planners = createDayPlanners(served, temporal);
    return {
      selfTestMaxError,
      batchMs,
      tableDay: temporal?.table.day ?? null,
      answer: async (requests) => {
        const { planner, stale } = planners.of(requests[0]?.day ?? '');
        return { ...guard(await planner.alphas(requests), requests, files.limits), stale };
      },
      learn: (day, market) => planners.learn(day, market),
      release,
    };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The temporal module, held to its shipped table; null for a model without one. */
async function loadTemporal(files: ServedFiles, threads: number) {
  const { io, temporal } = files;
  if (io.temporal === undefined) return null;
  if (temporal === undefined)
    throw new VamoError('CHECKPOINT_INVALID', 'temporal: the graph and its table are missing');
  const table = parseTemporalTable(temporal.table);
  const graph = await loadTemporalGraph(temporal.graph, io, { threads });
  try {
    await temporalSelfTest(graph, table);
  } catch (error) {
    await graph.release();
    throw error;
  }
  return { table, run: graph.run, release: () => graph.release() };
}

/** Lets nothing out that is not finite or outside the release limits; pacing stands in. */
function guard(
  alphas: Float64Array,
  requests: readonly PlanRequest[],
  limits: ServedFiles['limits'],
): Omit<Scales, 'stale'> {
  const fallback: number[] = [];
  requests.forEach((request, i) => {
    const [low, high] = limits.alpha[request.task] ?? [0, 0];
    const alpha = alphas[i] ?? Number.NaN;
    if (alpha >= low && alpha <= high) return;
    alphas[i] = pacedAlpha(request, limits);
    fallback.push(i);
  });
  return { alphas, fallback };
}

/**
 * An alpha without a model: one step of bang-bang pacing from the newest alpha the campaign bid
 * with, or from the middle (geometric) of its limits when it has not bid yet.
 */
export function pacedAlpha(request: PlanRequest, limits: ServedFiles['limits']): number {
  const [low, high] = limits.alpha[request.task] ?? [0, 0];
  const { columns } = request.steps;
  const last = request.step - 1;
  let alpha = Math.sqrt(low * high);
  for (let t = last; t >= 0; t--) {
    const bid = alphaOfStep(columns, t);
    if (!(bid > 0)) continue;
    alpha = bid;
    break;
  }
  const spend = {
    stepsLeft: STEPS - request.step,
    lastCost: columns.cost[last] ?? 0,
    remaining: columns.remaining[request.step] ?? 0,
  };
  if (!(spend.remaining > 0)) return low;
  return bangBangNext(alpha, spend, { low, high });
}
