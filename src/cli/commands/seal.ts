import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openEmbedded } from '../../clickhouse/index.ts';
import type { PartitionManifest } from '../../contracts/index.ts';
import { type DayKey, dayKey, isVamoError, throwIfAborted, VamoError } from '../../core/index.ts';
import { dayReports, loadIntoClickHouse, sealDay } from '../../days/index.ts';
import { listSealedDays, openDataDirectory, readManifest } from '../../store/index.ts';
import type { Context } from '../context.ts';
import { keepMarkets } from '../market.ts';
import type { CommandSpec } from '../run-command.ts';

interface SealCommandOptions {
  readonly day?: string;
  readonly atEnd?: boolean;
}

/** Where the queryable copy lies. */
export const clickHouseFolder = (root: string): string => join(root, 'clickhouse');

type Seal = (day: DayKey, atEnd: boolean) => Promise<PartitionManifest>;

/**
 * Lets `work` seal as the one process that holds the role `sealer`, then loads what is sealed into
 * the queryable copy: also days whose load an earlier process did not live to finish.
 */
async function asSealer<T>(context: Context, work: (seal: Seal) => Promise<T>): Promise<T> {
  const { store, config, root, log, signal, now } = context;
  const role = await openDataDirectory(root, {
    role: 'sealer',
    nowMs: now(),
    settings: config.store,
  });
  const engineDir = join(root, 'work', 'sealer');
  try {
    const result = await work((day, atEnd) =>
      sealDay({ store, engineDir, day, config, requireReached: !atEnd, log, signal }),
    );
    await rm(engineDir, { recursive: true, force: true });
    await keepMarkets(context);
    await loadSealedDays(context);
    return result;
  } finally {
    context.progress.clear();
    await role.release();
  }
}

/**
 * Seals days and loads them into the queryable copy. One process at a time holds the role `sealer`.
 * @param atEnd the source has ended: do not wait for records that arrive after the cut
 */
export function sealDays(
  context: Context,
  days: readonly DayKey[],
  atEnd: boolean,
): Promise<PartitionManifest[]> {
  return asSealer(context, async (seal) => {
    const manifests: PartitionManifest[] = [];
    const progress = context.progress.stage('seal');
    for (const day of days) {
      manifests.push(await seal(day, atEnd));
      progress(manifests.length, days.length, day);
    }
    return manifests;
  });
}

async function loadSealedDays(context: Context): Promise<void> {
  const { store, root, signal } = context;
  const days = await listSealedDays(store);
  if (days.length === 0) return;
  const engine = await openEmbedded(clickHouseFolder(root));
  try {
    const progress = context.progress.stage('load into ClickHouse');
    for (const [i, { day, generation }] of days.entries()) {
      throwIfAborted(signal);
      const manifest = await readManifest(store, day, generation);
      await loadIntoClickHouse({ engine, store, manifest });
      progress(i + 1, days.length, day);
    }
  } finally {
    await engine.close();
  }
}

/** Every open day whose cut has been reached in every partition. */
async function sealWhatIsDue(context: Context) {
  const open = (await dayReports(context.store)).filter((report) => !report.sealed);
  return asSealer(context, async (seal) => {
    const sealed: PartitionManifest[] = [];
    const waiting: { day: DayKey; reason: string }[] = [];
    for (const { day } of open) {
      try {
        sealed.push(await seal(day, false));
      } catch (error) {
        if (!isVamoError(error, 'DAY_NOT_READY') && !isVamoError(error, 'DAY_MISSING')) throw error;
        waiting.push({ day, reason: error.message });
      }
    }
    return { sealed, waiting };
  });
}

export const sealCommand: CommandSpec<SealCommandOptions> = {
  name: 'seal',
  summary: 'close days: dedupe, order, digest, sum; load the queryable copy',
  examples: ['vamo seal', 'vamo seal --day 2026-01-05 --at-end'],
  options: (command) =>
    command
      .option('--day <day>', 'this day only; default: every open day whose cut is reached')
      .option('--at-end', 'with --day: the source has ended, do not wait for later records'),
  async run(context, options) {
    if (options.atEnd === true && options.day === undefined)
      throw new VamoError('USAGE', '--at-end needs --day');
    const { sealed, waiting } =
      options.day === undefined
        ? await sealWhatIsDue(context)
        : {
            sealed: await sealDays(context, [dayKey(options.day)], options.atEnd === true),
            waiting: [],
          };
    for (const { day, digest, counts } of sealed)
      context.say(`${day} sealed: ${String(counts.accepted)} rows, digest ${digest.slice(0, 16)}`);
    for (const { day, reason } of waiting) context.say(`${day} waits: ${reason}`);
    if (sealed.length + waiting.length === 0) context.say('nothing to seal');
    return {
      sealed: sealed.map(({ day, generation, digest, stepsDigest, counts }) => ({
        day,
        generation,
        digest,
        stepsDigest,
        counts,
      })),
      waiting,
    };
  },
};
