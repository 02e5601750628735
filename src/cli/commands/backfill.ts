import { Option } from 'commander';
import { BACKFILL_MODES, type BackfillMode, type BackfillPlan } from '../../contracts/index.ts';
import { type DayKey, dayKey, VamoError } from '../../core/index.ts';
import {
  type BackfillState,
  dayReports,
  daysOf,
  identify,
  listBackfills,
  readBackfill,
  undoBackfill,
} from '../../days/index.ts';
import {
  type BackfillRequest,
  describeSource,
  findUnfinished,
  planBackfill,
} from '../backfill/plan.ts';
import { runBackfill } from '../backfill/run.ts';
import type { Context } from '../context.ts';
import type { CommandSpec } from '../run-command.ts';
import { sayStale, staleVersions } from '../stale-versions.ts';
import { formatTable } from '../table.ts';
import { asSealer, describeGeneration } from './seal.ts';

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
  if (mapping !== undefined && files === undefined)
    throw new VamoError('USAGE', '--mapping needs --files');
  const days = { from, to, mode };
  if (deadLetters === true) return { ...days, source: { kind: 'dead-letters' } };
  if (files !== undefined)
    return { ...days, source: { kind: 'files', files, mapping: mapping ?? null } };
  if (topic === undefined && config.source.kind !== 'kafka')
    throw new VamoError('USAGE', 'name --topic, --files or --dead-letters: the source is a log');
  return { ...days, source: { kind: 'topic', topic: topic ?? config.source.topic } };
}

/** What is there of each day of a plan. */
async function presentDays(context: Context, plan: Pick<BackfillPlan, 'from' | 'to'>) {
  const reports = new Map((await dayReports(context.store)).map((report) => [report.day, report]));
  return daysOf(plan).map((day: DayKey) => {
    const report = reports.get(day);
    return {
      day,
      state: report === undefined ? 'absent' : report.sealed ? 'sealed' : 'open',
      generation: report?.generation ?? null,
      rows: report?.accepted ?? report?.records ?? 0,
    };
  });
}

async function dryRun(context: Context, plan: BackfillPlan) {
  const { what, partitions, expected, unit } = describeSource(plan);
  const days = await presentDays(context, plan);
  context.say(
    `backfill ${plan.id}: ${what}, ${String(partitions)} parts, ${String(expected)} ${unit}`,
  );
  context.say(`mode ${plan.mode}; nothing is changed by --dry-run\n`);
  context.say(
    formatTable(
      ['day', 'now', 'generation', 'rows'],
      days.map((d) => [d.day, d.state, d.generation ?? '-', d.rows]),
    ),
  );
  return { dryRun: true, plan, expected, unit, days };
}

async function undo(context: Context, id: string) {
  await readBackfill(context.store, id);
  const undone = await asSealer(context, () => undoBackfill(context.store, id));
  for (const { day, generation, restored } of undone)
    context.say(
      restored === null
        ? `${day} is withdrawn: it was not there before`
        : `${day}: generation ${String(generation)} has the files of generation ${String(restored)}`,
    );
  if (undone.length === 0) context.say(`backfill ${id} is undone already`);
  const stale = await staleVersions(context);
  sayStale(context, stale);
  return { id, undone, stale };
}

const stateOf = ({ isDone, isUndone }: BackfillState): string =>
  isUndone ? 'undone' : isDone ? 'done' : 'unfinished';

async function list(context: Context) {
  const states = await listBackfills(context.store);
  context.say(
    formatTable(
      ['id', 'days', 'source', 'mode', 'state', 'generations'],
      states.map((state) => [
        state.plan.id,
        `${state.plan.from}..${state.plan.to}`,
        describeSource(state.plan).what,
        state.plan.mode,
        stateOf(state),
        state.days.map((d) => `${d.day} g${String(d.generation)}`).join(' '),
      ]),
    ),
  );
  return {
    backfills: states.map((state) => ({
      id: state.plan.id,
      state: stateOf(state),
      plan: state.plan,
      days: state.days,
    })),
  };
}

async function carryOut(context: Context, plan: BackfillPlan) {
  const { stats, published } = await runBackfill(context, plan);
  context.say(
    `backfill ${plan.id}: ${String(stats.records)} records read, ${String(stats.rows)} rows, ${String(stats.deadLetters)} dead letters`,
  );
  for (const { day, generation, manifest } of published)
    context.say(
      `${day}: generation ${String(generation)}, ${String(manifest.counts.accepted)} rows, digest ${manifest.digest.slice(0, 16)}`,
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
    published: published.map(({ manifest }) => describeGeneration(manifest)),
    withoutEvents,
    stale,
  };
}

/** Takes past days in again from a topic, from files or from dead letters, and takes that back. */
export const backfillCommand: CommandSpec<BackfillOptions> = {
  name: 'backfill',
  summary: 'past days from a topic, files or dead letters: new generations, undone by one command',
  examples: [
    'vamo backfill --from 2026-01-05 --to 2026-01-07 --topic auction-events --dry-run',
    "vamo backfill --from 2026-01-05 --to 2026-01-07 --files 'logs/*.jsonl.gz' --mode replace",
    'vamo backfill --from 2026-01-05 --to 2026-01-07 --dead-letters',
    'vamo backfill --list',
    'vamo backfill --undo 2026-01-05-0123456789ab',
  ],
  options: (command) =>
    command
      .option('--from <day>', 'first day')
      .option('--to <day>', 'last day')
      .option('--topic <name>', 'Kafka topic; default: the configured one')
      .option('--files <glob>', 'JSON lines, Arrow or Parquet; text of another form with --mapping')
      .option('--mapping <file>', 'how lines become events: a mapping file or the name of one')
      .option('--dead-letters', 'bad records that arrived on these days, decoded again')
      .addOption(
        new Option('--mode <mode>', 'merge: add to what is there; replace: take its place')
          .choices(BACKFILL_MODES)
          .default('merge'),
      )
      .option('--dry-run', 'show what would be read and what is there')
      .option('--undo <id>', 'put the days that a backfill made back')
      .option('--list', 'every backfill and what it made'),
  async run(context, options) {
    if (options.list === true) return list(context);
    if (options.undo !== undefined) return undo(context, options.undo);
    const request = requestOf(context, options);
    const unfinished = await findUnfinished(context, request);
    const plan =
      unfinished?.plan ?? (await identify(context.store, await planBackfill(context, request)));
    if (options.dryRun === true) return dryRun(context, plan);
    const known = (await listBackfills(context.store)).find((one) => one.plan.id === plan.id);
    if (known?.isDone !== true) return carryOut(context, plan);
    context.say(`backfill ${plan.id} is done already: nothing to do`);
    return { id: plan.id, alreadyDone: true, published: known.days, stale: [] };
  },
};
