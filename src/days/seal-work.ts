import { mkdir, rm, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type Engine,
  type EventCounts,
  countCampaigns,
  countEvents,
  countOrphans,
  writeEvents,
  writeSteps,
} from '../clickhouse/index.ts';
import { MICRO } from '../contracts/index.ts';
import { dayStartMs, throwIfAborted, VamoError } from '../core/index.ts';
import {
  type CommittedDay,
  isWholeArrowFile,
  type ObjectStore,
  readVerified,
  storeError,
} from '../store/index.ts';
import type { Cut } from './cut.ts';
import type { SealOptions } from './seal-plan.ts';

export interface WorkFolders {
  readonly root: string;
  readonly segments: string;
  readonly output: string;
}

/** Empties the sealer's scratch folders. @throws VamoError STORE_FULL, STORE_IO */
export async function freshWork(engineDir: string): Promise<WorkFolders> {
  const root = join(resolve(engineDir), 'seal');
  const work = { root, segments: join(root, 'segments'), output: join(root, 'output') };
  try {
    await rm(root, { recursive: true, force: true });
    await mkdir(work.segments, { recursive: true });
    await mkdir(work.output);
  } catch (error) {
    throw storeError(error, `cannot prepare ${root}`);
  }
  return work;
}

/** Gives each verified segment a link of a plain name, so that one short pattern names them all. */
export async function stageSegments(
  store: ObjectStore,
  committed: CommittedDay,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const [i, segment] of committed.segments.entries()) {
    throwIfAborted(signal);
    await readVerified(store, segment);
    const name = `${String(i).padStart(8, '0')}.arrow`;
    const file = await store.localFile(segment.key);
    await symlink(resolve(file), join(folder, name)).catch((error: unknown) => {
      throw storeError(error, `cannot link ${segment.key}`);
    });
  }
}

/** What the SQL counted. */
export interface SealCounts extends EventCounts {
  readonly orphans: number;
  readonly campaigns: Record<string, number>;
}

/** Writes both files into `work.output` and counts. @throws VamoError STORE_FULL, SQL_FAILED, INTERRUPTED */
export async function runSealSql(
  engine: Engine,
  work: WorkFolders,
  cuts: readonly Cut[],
  { day, config, signal }: SealOptions,
): Promise<SealCounts> {
  const input = {
    segments: work.segments,
    output: work.output,
    cuts: cuts.map(({ partition, offset }) => ({ partition, offset: BigInt(offset) })),
  };
  const steps = {
    folder: work.output,
    startMs: dayStartMs(day, config.days.utcOffsetMinutes),
    reserveMicro: Math.round(config.market.reserve * MICRO),
    tasks: config.tasks,
  };
  for (const [name, sql] of [
    ['events.arrow', writeEvents(input)],
    ['steps.arrow', writeSteps(steps)],
  ] as const) {
    throwIfAborted(signal);
    await engine.command(sql);
    await requireWhole(join(work.output, name));
  }
  const one = async <T>(sql: string, empty: T): Promise<T> =>
    (await engine.query<T>(sql))[0] ?? empty;
  const counts = await one(countEvents(input), {
    rows: 0,
    accepted: 0,
    duplicate: 0,
    late: 0,
    clashes: 0,
  });
  const { orphans } = await one(countOrphans(steps), { orphans: 0 });
  const perTask = await engine.query<{ task: string; campaigns: number }>(countCampaigns(steps));
  return {
    ...counts,
    orphans,
    campaigns: Object.fromEntries(perTask.map((t) => [t.task, t.campaigns])),
  };
}

/** The engine goes on in silence when a write fails (chDB 3.4), so what it wrote is looked at. */
async function requireWhole(path: string): Promise<void> {
  if (await isWholeArrowFile(path)) return;
  throw new VamoError('STORE_FULL', `the engine could not write all of ${path}`, {
    details: { path },
  });
}
