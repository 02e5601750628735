import { mkdir, rm, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type Engine,
  type EventCounts,
  countCampaigns,
  countEvents,
  countOrphans,
  countRewards,
  countSuspects,
  type OffsetRange,
  type RowSource,
  writeEvents,
  writeRewards,
  writeSteps,
  writeSuspects,
} from '../clickhouse/index.ts';
import { EVENT_COLUMNS, MICRO } from '../contracts/index.ts';
import { dayStartMs, throwIfAborted } from '../core/index.ts';
import { type ObjectStore, STEPS_FILE_COLUMNS, storeError, verifiedFile } from '../store/index.ts';
import { bothEnded } from './both-ended.ts';
import type { BuildOptions } from './build-options.ts';
import { type BuiltFile, describeBuilt, requireWhole } from './built-file.ts';

/** Arrow files of one store; of live segments, the offsets that are taken in. */
export interface RowFiles {
  readonly store: ObjectStore;
  readonly files: readonly { readonly key: string; readonly sha256: string }[];
  readonly ranges?: readonly OffsetRange[];
}

/** Empties the builder's scratch folder. @throws VamoError STORE_FULL, STORE_IO */
export async function freshWork(engineDir: string): Promise<{ root: string; output: string }> {
  const root = join(resolve(engineDir), 'seal');
  const output = join(root, 'output');
  try {
    await rm(root, { recursive: true, force: true });
    await mkdir(output, { recursive: true });
  } catch (error) {
    throw storeError(error, `cannot prepare ${root}`);
  }
  return { root, output };
}

/**
 * Gives each verified file a link of a plain name in a folder of its source, so that one short
 * pattern names them all. Sources without files are left out.
 */
export async function stageFiles(
  inputs: readonly RowFiles[],
  root: string,
  signal: AbortSignal | undefined,
): Promise<RowSource[]> {
  const staged: RowSource[] = [];
  for (const [n, { store, files, ranges }] of inputs.entries()) {
    if (files.length === 0) continue;
    const folder = join(root, `in${n}`);
    await mkdir(folder, { recursive: true });
    for (const [i, file] of files.entries()) {
      throwIfAborted(signal);
      const { path } = await verifiedFile(store, file);
      await symlink(resolve(path), join(folder, `${String(i).padStart(8, '0')}.arrow`)).catch(
        (error: unknown) => {
          throw storeError(error, `cannot link ${file.key}`);
        },
      );
    }
    staged.push({ folder, ...(ranges && { ranges }) });
  }
  return staged;
}

/** What was counted and written. */
export interface BuildResult extends EventCounts {
  readonly orphans: number;
  readonly campaigns: Record<string, number>;
  /** Rows of `rewards.arrow`. */
  readonly rewards: number;
  readonly files: {
    readonly events: BuiltFile;
    readonly steps: BuiltFile;
    readonly rewards?: BuiltFile;
  };
}

/**
 * Writes `events.arrow`, `rewards.arrow` (with an attribution window) and `steps.arrow`, counts, and
 * takes the files' digests. The engine works on threads of its own: the large file is digested here
 * while it makes the others.
 * @throws VamoError STORE_FULL, SQL_FAILED, INTERRUPTED
 */
export async function runBuildSql(
  engine: Engine,
  work: {
    readonly output: string;
    readonly sources: readonly RowSource[];
    readonly later: readonly RowSource[];
  },
  { day, config, signal }: BuildOptions,
): Promise<BuildResult> {
  const { output, sources, later } = work;
  const { attributionMs } = config.days;
  const rewards = { sources: later, folder: output, attributionMs };
  const steps = {
    folder: output,
    startMs: dayStartMs(day, config.days.utcOffsetMinutes),
    reserveMicro: Math.round(config.market.reserve * MICRO),
    tasks: config.tasks,
    attributionMs,
  };
  const path = (name: string): string => join(output, `${name}.arrow`);
  const write = async (name: string, sql: string): Promise<void> => {
    throwIfAborted(signal);
    await engine.command(sql);
    await requireWhole(path(name));
  };
  const one = async <T>(sql: string, empty: T): Promise<T> =>
    (await engine.query<T>(sql))[0] ?? empty;

  await write('suspects', writeSuspects({ sources, output }));
  const { suspects } = await one(countSuspects({ output }), { suspects: 0 });
  await write('events', writeEvents({ sources, output }, suspects > 0));

  const derive = async () => {
    if (attributionMs > 0) await write('rewards', writeRewards(rewards));
    await write('steps', writeSteps(steps));
    const none = { rows: 0, accepted: 0, duplicate: 0, late: 0, below: 0, clashes: 0 };
    const counts = await one(countEvents({ sources, output }, suspects > 0), none);
    const { orphans } = await one(countOrphans(steps), { orphans: 0 });
    const perTask = await engine.query<{ task: string; campaigns: number }>(countCampaigns(steps));
    const { rows } =
      attributionMs > 0 ? await one(countRewards(rewards), { rows: 0 }) : { rows: 0 };
    const campaigns = Object.fromEntries(perTask.map((t) => [t.task, t.campaigns]));
    return { ...counts, orphans, campaigns, rewards: rows };
  };
  const [derived, events] = await bothEnded(derive(), describeBuilt(path('events'), EVENT_COLUMNS));
  return {
    ...derived,
    files: {
      events,
      steps: await describeBuilt(path('steps'), STEPS_FILE_COLUMNS),
      ...(attributionMs > 0 && { rewards: await describeBuilt(path('rewards'), EVENT_COLUMNS) }),
    },
  };
}
