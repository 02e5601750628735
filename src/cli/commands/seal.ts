import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PartitionManifest } from '../../contracts/index.ts';
import { type DayKey, dayKey, isVamoError, VamoError } from '../../core/index.ts';
import {
  amendDay,
  type BuildOptions,
  dayReports,
  isAmendDue,
  lastArrival,
  lateOnlyRows,
  loadEach,
  type Loader,
  loadIntoClickHouse,
  matureDay,
  readLive,
  sealDay,
  unloadWithdrawn,
} from '../../days/index.ts';
import { findNewest, listSealedDays, openDataDirectory, readManifest } from '../../store/index.ts';
import {
  asLoaderUnlessKept,
  clickHouseFolder,
  clickHousePlace,
  openClickHouseWhenFree,
} from '../clickhouse.ts';
import type { Context } from '../context.ts';
import { keepMarkets } from '../market.ts';
import type { CommandSpec } from '../run-command.ts';
import { sourceEndOf } from '../source-end.ts';

interface SealCommandOptions {
  readonly day?: string;
  readonly atEnd?: boolean;
}

/** What building a generation of a day takes. */
export type Building = (day: DayKey) => BuildOptions;

/**
 * Lets `work` make generations as the one process that holds the role `sealer`, then loads the newest
 * ones into the queryable copy: also days whose load an earlier process did not live to finish.
 */
export async function asSealer<T>(
  context: Context,
  work: (building: Building) => Promise<T>,
): Promise<T> {
  const { store, config, root, log, signal, now } = context;
  const role = await openDataDirectory(root, {
    role: 'sealer',
    nowMs: now(),
    settings: config.store,
  });
  const engineDir = join(root, 'work', 'sealer');
  const askSource = sourceEndOf(context);
  try {
    const result = await work((day) => {
      const progress = context.progress.stage(`build ${day}`);
      return { store, engineDir, day, config, askSource, log, signal, progress };
    });
    await rm(engineDir, { recursive: true, force: true });
    await keepMarkets(context);
    await asLoaderUnlessKept(context, (loader) => loadSealedDays(context, loader));
    return result;
  } finally {
    context.progress.clear();
    await role.release();
  }
}

/**
 * Seals days and loads them into the queryable copy. One process at a time holds the role `sealer`.
 * @param atEnd the source has ended: once all it holds is ingested, do not wait for records that arrive
 *   after the cut
 */
export function sealDays(
  context: Context,
  days: readonly DayKey[],
  atEnd: boolean,
): Promise<PartitionManifest[]> {
  return asSealer(context, async (building) => {
    const manifests: PartitionManifest[] = [];
    for (const day of days)
      manifests.push(await sealDay({ ...building(day), require: atEnd ? 'end' : 'limit' }));
    return manifests;
  });
}

/** @throws VamoError naming the days that could not be loaded, when the others are */
async function loadSealedDays(context: Context, loader: Loader): Promise<void> {
  const { store, root, signal } = context;
  const days = await listSealedDays(store);
  const place = await clickHousePlace(context);
  if (days.length === 0 && place.isEmbedded && !existsSync(clickHouseFolder(root))) return;
  const engine = await openClickHouseWhenFree(context);
  try {
    await unloadWithdrawn(
      engine,
      loader,
      days.map(({ day }) => day),
    );
    const progress = context.progress.stage('load into ClickHouse');
    const load = async ({ day, generation }: (typeof days)[number], i: number): Promise<void> => {
      const manifest = await readManifest(store, day, generation);
      await loadIntoClickHouse({ engine, loader, store, manifest });
      progress(i + 1, days.length, day);
    };
    await loadEach(days, load, signal);
  } finally {
    await engine.close();
  }
}

/**
 * Every open day whose cut has been reached in every partition, but those that have late rows alone;
 * then sealed days whose labels have become mature, and with `days.late: auto` those with many late
 * rows.
 */
async function sealWhatIsDue(context: Context) {
  const { store, config } = context;
  const reports = await dayReports(store);
  return asSealer(context, async (building) => {
    const sealed: PartitionManifest[] = [];
    const waiting: { day: DayKey; reason: string }[] = [];
    const late: { day: DayKey; rows: number }[] = [];
    const live = await readLive(store, config.source);
    for (const { day } of reports.filter((report) => !report.sealed)) {
      const rows = await lateOnlyRows(store, live, { day, days: config.days });
      if (rows !== undefined) {
        late.push({ day, rows });
        continue;
      }
      try {
        sealed.push(await sealDay({ ...building(day), require: 'limit' }));
      } catch (error) {
        if (!isVamoError(error, 'DAY_NOT_READY') && !isVamoError(error, 'DAY_MISSING')) throw error;
        waiting.push({ day, reason: error.message });
      }
    }
    return { sealed, waiting, late, amended: await amendWhatIsDue(context, building) };
  });
}

async function amendWhatIsDue({ store, config }: Context, building: Building) {
  const amended: PartitionManifest[] = [];
  const known = (await dayReports(store)).filter((report) => report.sealed);
  const arrivedMs = lastArrival(await readLive(store, config.source));
  for (const report of known) {
    const { day } = report;
    const newest = await readManifest(store, day);
    const isDue = config.days.late === 'auto' && isAmendDue(report, newest, arrivedMs, config.days);
    const made = isDue ? await amendDay(building(day)) : await matureDay(building(day));
    if (made !== undefined && made.generation > newest.generation) amended.push(made);
  }
  return amended;
}

/** Seals one day; `already` has it when it was sealed before. */
async function sealNamed(context: Context, day: DayKey, atEnd: boolean) {
  const before = await findNewest(context.store, day);
  const manifests = await sealDays(context, [day], atEnd);
  const none = { sealed: [], already: [], waiting: [], late: [], amended: [] };
  return before === undefined ? { ...none, sealed: manifests } : { ...none, already: manifests };
}

/** A generation as commands print it. */
export const describeGeneration = (manifest: PartitionManifest) => {
  const { day, generation, kind, parent, digest, stepsDigest, counts } = manifest;
  return { day, generation, kind, parent, digest, stepsDigest, counts };
};

export const sealCommand: CommandSpec<SealCommandOptions> = {
  name: 'seal',
  needs: () => 'events',
  summary: 'close days: dedupe, order, digest, sum; load the queryable copy',
  examples: ['vamo seal', 'vamo seal --day 2026-01-05 --at-end'],
  options: (command) =>
    command
      .option('--day <day>', 'this day only; default: every open day whose cut is reached')
      .option('--at-end', 'with --day: the source has ended, do not wait for later records'),
  check({ day, atEnd }) {
    if (day !== undefined) dayKey(day);
    else if (atEnd === true) throw new VamoError('USAGE', '--at-end needs --day');
  },
  async run(context, options) {
    const { sealed, already, waiting, late, amended } =
      options.day === undefined
        ? { ...(await sealWhatIsDue(context)), already: [] }
        : await sealNamed(context, dayKey(options.day), options.atEnd === true);
    for (const { day, digest, counts } of sealed) {
      const beside = [
        counts.late > 0 ? `, ${String(counts.late)} late` : '',
        counts.dead_lettered > 0 ? `, ${String(counts.dead_lettered)} dead letters` : '',
      ].join('');
      context.say(
        `${day} sealed: ${String(counts.accepted)} rows${beside}, digest ${digest.slice(0, 16)}`,
      );
      if (counts.accepted === 0 && counts.late > 0)
        context.say(`  all ${String(counts.late)} came late: \`vamo amend ${day}\` takes them in`);
    }
    for (const { day, generation, counts } of already)
      context.say(
        `${day} is sealed already: generation ${String(generation)}, ${String(counts.accepted)} rows`,
      );
    for (const { day, reason } of waiting) context.say(`${day} waits: ${reason}`);
    for (const { day, generation, counts } of amended)
      context.say(
        `${day} amended: generation ${String(generation)}, ${String(counts.accepted)} rows`,
      );
    if (late.length > 0) {
      const days = late.map(({ day, rows }) => `${day} (${String(rows)})`).join(', ');
      context.say(
        `left open, as all their rows came late: ${days}; \`vamo days DAY\` shows one, ` +
          '`vamo seal --day DAY` and `vamo amend DAY` take its rows in',
      );
    }
    if (sealed.length + already.length + waiting.length + late.length + amended.length === 0)
      context.say('nothing to seal');
    return {
      sealed: sealed.map(describeGeneration),
      already: already.map(describeGeneration),
      amended: amended.map(describeGeneration),
      waiting,
      late,
    };
  },
};
