import { mkdir, rm, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type Engine,
  type EventCounts,
  countCampaigns,
  countEvents,
  countOrphans,
  countRewards,
  type OffsetRange,
  type RowSource,
  writeEvents,
  writeRewards,
  writeSteps,
} from '../clickhouse/index.ts';
import { MICRO } from '../contracts/index.ts';
import { dayStartMs, throwIfAborted, VamoError } from '../core/index.ts';
import { isWholeArrowFile, type ObjectStore, readVerified, storeError } from '../store/index.ts';
import type { BuildOptions } from './build-options.ts';

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
      await readVerified(store, file);
      const local = resolve(await store.localFile(file.key));
      await symlink(local, join(folder, `${String(i).padStart(8, '0')}.arrow`)).catch(
        (error: unknown) => {
          throw storeError(error, `cannot link ${file.key}`);
        },
      );
    }
    staged.push({ folder, ...(ranges && { ranges }) });
  }
  return staged;
}

/** What the SQL counted. */
export interface BuildCounts extends EventCounts {
  readonly orphans: number;
  readonly campaigns: Record<string, number>;
  /** Rows of `rewards.arrow`. */
  readonly rewards: number;
}

/**
 * Writes `events.arrow`, `rewards.arrow` (with an attribution window) and `steps.arrow`, and counts.
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
): Promise<BuildCounts> {
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
  for (const [name, sql] of [
    ['events.arrow', writeEvents({ sources, output })],
    ...(attributionMs > 0 ? [['rewards.arrow', writeRewards(rewards)] as const] : []),
    ['steps.arrow', writeSteps(steps)],
  ] as const) {
    throwIfAborted(signal);
    await engine.command(sql);
    await requireWhole(join(output, name));
  }
  const one = async <T>(sql: string, empty: T): Promise<T> =>
    (await engine.query<T>(sql))[0] ?? empty;
  const none = { rows: 0, accepted: 0, duplicate: 0, late: 0, below: 0, clashes: 0 };
  const counts = await one(countEvents({ sources, output }), none);
  const { orphans } = await one(countOrphans(steps), { orphans: 0 });
  const perTask = await engine.query<{ task: string; campaigns: number }>(countCampaigns(steps));
  const { rows } = attributionMs > 0 ? await one(countRewards(rewards), { rows: 0 }) : { rows: 0 };
  return {
    ...counts,
    orphans,
    campaigns: Object.fromEntries(perTask.map((t) => [t.task, t.campaigns])),
    rewards: rows,
  };
}

/** The engine goes on in silence when a write fails (chDB 3.4), so what it wrote is looked at. */
async function requireWhole(path: string): Promise<void> {
  if (await isWholeArrowFile(path)) return;
  throw new VamoError('STORE_FULL', `the engine could not write all of ${path}`, {
    details: { path },
  });
}
