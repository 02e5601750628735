import { Option } from 'commander';
import { BACKFILL_MODES, type BackfillMode, type BackfillPlan } from '../../contracts/index.ts';
import { dayKey, VamoError } from '../../core/index.ts';
import { daysOf, identify, listBackfills, requireTakable } from '../../days/index.ts';
import { dryRun } from '../backfill/dry-run.ts';
import { listAll } from '../backfill/list.ts';
import {
  type BackfillRequest,
  findReplayers,
  findUnfinished,
  planBackfill,
} from '../backfill/plan.ts';
import { runBackfill } from '../backfill/run.ts';
import { undo } from '../backfill/undo.ts';
import type { Context } from '../context.ts';
import type { CommandSpec } from '../run-command.ts';
import { sayStale, staleVersions } from '../stale-versions.ts';
import { describeGeneration } from './seal.ts';

interface BackfillOptions {
  readonly from?: string;
  readonly to?: string;
  readonly topic?: string;
  readonly files?: string;
  readonly mapping?: string;
  readonly deadLetters?: boolean;
  readonly mode: BackfillMode;
  readonly dryRun?: boolean;
  readonly undo?: string;
  readonly list?: boolean;
}

function requestOf({ config }: Context, options: BackfillOptions): BackfillRequest {
  const { from: first, to: last, topic, files, mapping, deadLetters, mode } = options;
  if (first === undefined || last === undefined)
    throw new VamoError('USAGE', 'name the days with --from DAY and --to DAY');
  const [from, to] = [dayKey(first), dayKey(last)];
  if (from > to) throw new VamoError('USAGE', `--from ${from} is after --to ${to}`);
  const named = [topic, files, deadLetters].filter((source) => source !== undefined);
  if (named.length > 1)
    throw new VamoError('USAGE', 'name one of --topic, --files and --dead-letters');
  if (mapping !== undefined && files === undefined && deadLetters !== true)
    throw new VamoError('USAGE', '--mapping needs --files or --dead-letters', {
      mend: 'Of a topic the configured mapping is used: `source.mapping`.',
    });
  const days = { from, to, mode };
  if (deadLetters === true)
    return { ...days, source: { kind: 'dead-letters', mapping: mapping ?? null } };
  if (files !== undefined)
    return { ...days, source: { kind: 'files', files, mapping: mapping ?? null } };
  if (topic === undefined && config.source.kind !== 'kafka')
    throw new VamoError('USAGE', 'name --topic, --files or --dead-letters: the source is a log');
  return { ...days, source: { kind: 'topic', topic: topic ?? config.source.topic } };
}

/** Carries out what was asked for, or with --dry-run tells what it would do and be refused for. */
async function take(context: Context, request: BackfillRequest, isDry: boolean) {
  const { store, config, say } = context;
  const unfinished = await findUnfinished(context, request);
  const replayers = unfinished === undefined ? await findReplayers(context, request) : [];
  if (replayers.length > 0) return sayReplayed(context, replayers);
  const plan = unfinished?.plan ?? (await identify(store, await planBackfill(context, request)));
  const known = (await listBackfills(store)).find((one) => one.plan.id === plan.id);
  if (known?.isDone === true) {
    say(`backfill ${plan.id} is done already: nothing to do`);
    return { id: plan.id, alreadyDone: true, published: known.days, stale: [] };
  }
  await requireTakable(store, config, { plan, days: known?.days ?? [] });
  return isDry ? dryRun(context, plan) : carryOut(context, plan);
}

function sayReplayed({ say }: Context, ids: readonly string[]) {
  say(`all dead letters of these days were replayed already by ${ids.join(', ')}: nothing to do`);
  const undos = ids.map((id) => `vamo backfill --undo ${id}`);
  say(`to decode them anew, first: ${undos.join(', ')}`);
  return { alreadyDone: true, replayedBy: ids, published: [], stale: [] };
}

async function carryOut(context: Context, plan: BackfillPlan) {
  const { stats, published } = await runBackfill(context, plan);
  context.say(
    `backfill ${plan.id}: ${String(stats.records)} records read, ${String(stats.rows)} rows, ${String(stats.deadLetters)} dead letters` +
      (stats.filtered > 0 ? `, ${String(stats.filtered)} filtered out` : ''),
  );
  for (const { day, generation, manifest, rows } of published)
    context.say(
      `${day}: generation ${String(generation)}, rows ${String(rows.before)} before, ${String(rows.after)} after, digest ${manifest.digest.slice(0, 16)}`,
    );
  const withoutEvents = daysOf(plan).filter((day) => !published.some((one) => one.day === day));
  if (withoutEvents.length > 0)
    context.say(
      `no events of ${withoutEvents.join(', ')} were found: nothing is published of them`,
    );
  const stale = await staleVersions(context);
  sayStale(context, stale);
  return {
    id: plan.id,
    alreadyDone: false,
    stats,
    published: published.map(({ manifest, rows }) => ({ ...describeGeneration(manifest), rows })),
    withoutEvents,
    stale,
  };
}

/** Takes past days in again from a topic, from files or from dead letters, and takes that back. */
export const backfillCommand: CommandSpec<BackfillOptions> = {
  name: 'backfill',
  foundsLate: true,
  summary: 'past days from a topic, files or dead letters: new generations, undone by one command',
  examples: [
    'vamo backfill --from 2026-01-05 --to 2026-01-07 --topic auction-events --dry-run',
    "vamo backfill --from 2026-01-05 --to 2026-01-07 --files 'logs/*.jsonl.gz' --mode replace",
    "vamo backfill --from 2026-01-05 --to 2026-01-07 --files 's3://logs/2026/**/*.parquet'",
    'vamo backfill --from 2026-01-05 --to 2026-01-07 --dead-letters',
    'vamo backfill --list',
    'vamo backfill --undo 2026-01-05-0123456789ab',
  ],
  options: (command) =>
    command
      .option('--from <day>', 'first day')
      .option('--to <day>', 'last day')
      .option('--topic <name>', 'Kafka topic; default: the configured one')
      .option(
        '--files <glob>',
        'JSON lines, Arrow or Parquet, here or s3://BUCKET/KEY; text of another form with --mapping',
      )
      .option(
        '--mapping <file>',
        'how lines or dead letters become events: a mapping file or the name of one',
      )
      .option('--dead-letters', 'bad records that arrived on these days, decoded again')
      .addOption(
        new Option('--mode <mode>', 'merge: add to what is there; replace: take its place')
          .choices(BACKFILL_MODES)
          .default('merge'),
      )
      .option('--dry-run', 'show what would be read, what is there and what would be refused')
      .option('--undo <id>', 'put the days that a backfill made back')
      .option('--list', 'every backfill, oldest first: when, state, mode, days, rows'),
  async run(context, options) {
    if (options.list === true) return listAll(context);
    if (options.undo !== undefined) return undo(context, options.undo);
    return take(context, requestOf(context, options), options.dryRun === true);
  },
};
