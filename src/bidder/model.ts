import { type CheckpointManifest, goldenRows, normaliser, readJson } from '../contracts/index.ts';
import { STEPS, VamoError } from '../core/index.ts';
import { alphaOfStep, bangBangNext, createPlanner, type PlanRequest } from '../features/index.ts';
import { loadGraph, selfTest } from '../inference/index.ts';

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
}

/** Alphas in the order of the requests, and the positions where pacing had to stand in. */
export interface Scales {
  readonly alphas: Float64Array;
  readonly fallback: readonly number[];
}

/** A loaded, tested version. The same files and requests give the same floats, in any process. */
export interface Model {
  readonly selfTestMaxError: number;
  /** Milliseconds of a full batch, the fastest of a few. */
  readonly batchMs: number;
  answer(requests: readonly PlanRequest[]): Promise<Scales>;
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
  const graph = await loadGraph(files.graph, files.io, { threads: options.threads ?? 1 });
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
    const planner = createPlanner(scale, graph.run, { batch: files.io.batch });
    return {
      selfTestMaxError,
      batchMs,
      answer: async (requests) => guard(await planner.alphas(requests), requests, files.limits),
      release: () => graph.release(),
    };
  } catch (error) {
    await graph.release();
    throw error;
  }
}

/** Lets nothing out that is not finite or outside the release limits; pacing stands in. */
function guard(
  alphas: Float64Array,
  requests: readonly PlanRequest[],
  limits: ServedFiles['limits'],
): Scales {
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
