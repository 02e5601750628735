import {
  type CheckpointRole,
  evaluationDocument,
  goldenRows,
  type EvaluationDocument,
  normaliser as normaliserSchema,
} from '../contracts/index.ts';
import { addDays, type DayKey, VamoError } from '../core/index.ts';
import { anchorPolicies, createReplayMarket, evaluate, plannerPolicy } from '../eval/index.ts';
import { createPlanner, withTable } from '../features/index.ts';
import { loadGraph, selfTest } from '../inference/index.ts';
import { type Checkpoint, openRegistry } from '../publisher/index.ts';
import { readDayLog, readDaySteps, readManifest } from '../store/index.ts';
import type { Context } from './context.ts';
import { tableForDay } from './market.ts';

async function readDay({ store }: Context, day: DayKey) {
  const manifest = await readManifest(store, day);
  const steps = await readDaySteps(store, manifest);
  const log = await readDayLog(store, manifest);
  return { manifest, steps, log };
}

function file(checkpoint: Checkpoint, role: CheckpointRole): Uint8Array {
  const bytes = checkpoint.files.get(role);
  if (!bytes)
    throw new VamoError('CHECKPOINT_INVALID', `${checkpoint.manifest.version} has no ${role}`);
  return bytes;
}

const json = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString());

/**
 * Replays a published version on a sealed day beside the anchors. The graph is verified and answers
 * its golden rows first. Campaigns of tasks that the version does not know are left out, and the
 * document names those tasks.
 * @throws VamoError VERSION_UNKNOWN, CHECKPOINT_INVALID, CHECKPOINT_SELFTEST, DAY_UNSEALED
 */
export async function evaluateVersion(
  context: Context,
  version: string,
  day: DayKey,
): Promise<EvaluationDocument> {
  const { config, signal } = context;
  const checkpoint = await openRegistry(context.store).readCheckpoint(version);
  const normaliser = normaliserSchema.parse(json(file(checkpoint, 'normaliser')));
  const { io } = checkpoint.manifest;
  const test = await readDay(context, day);
  const yesterday = await readDay(context, addDays(day, -1));
  const known = new Set(normaliser.tasks.map(({ id }) => id));
  const tasks = config.tasks.filter(({ id }) => known.has(id));
  const unknownTasks = config.tasks.map(({ id }) => id).filter((id) => !known.has(id));
  const rules = { ...config.market, tasks };
  const graph = await loadGraph(file(checkpoint, 'graph'), io, {
    threads: config.training.threads,
  });
  try {
    await selfTest(graph, goldenRows.parse(json(file(checkpoint, 'golden'))));
    const made = { io, normaliser, file: (role: CheckpointRole) => file(checkpoint, role) };
    const runner = withTable(graph.run, await tableForDay(context, made, day));
    const planner = createPlanner(normaliser, runner, { batch: io.batch });
    const document = await evaluate({
      subject: version,
      day,
      partitionDigest: test.manifest.digest,
      market: createReplayMarket(test.log, test.steps, rules),
      policies: [
        plannerPolicy('candidate', planner),
        ...anchorPolicies({ rules, trafficShare: normaliser.trafficShare, yesterday }),
      ],
      tasks,
      losses: {},
      signal,
    });
    return evaluationDocument.parse(
      unknownTasks.length === 0 ? document : { ...document, unknownTasks },
    );
  } finally {
    await graph.release();
  }
}
