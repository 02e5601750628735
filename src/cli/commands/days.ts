import { Argument } from 'commander';
import { type DayKey, dayKey, VamoError } from '../../core/index.ts';
import {
  dayMissing,
  type DayReport,
  dayReports,
  sourceTotals,
  type SourceTotals,
} from '../../days/index.ts';
import { readLedgers } from '../../store/index.ts';
import { askCopy } from '../ask-copy.ts';
import type { Context } from '../context.ts';
import { type BadRecords, badRecordsOf } from '../dead-letters.ts';
import type { CommandSpec } from '../run-command.ts';
import { sayStale, staleVersions } from '../stale-versions.ts';
import { formatTable } from '../table.ts';

const cell = (value: unknown): string | number =>
  typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value ?? '');

/** Whether labels can still change, and until when conversions count. */
function labels({ mature, mature_at_ms: until }: DayReport): string {
  if (mature === null || until === null) return '-';
  return mature ? 'mature' : `until ${new Date(until).toISOString().slice(0, 16)}`;
}

async function ask(context: Context, sql: string) {
  const rows = await askCopy(context, sql);
  const heading = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => heading.map((name) => cell(row[name])));
  context.say(rows.length === 0 ? 'no rows' : formatTable(heading, cells));
  return { rows };
}

/** What only backfills make has a column where there is some. */
function tableOf(days: readonly DayReport[]): string {
  const rare = (['replayed', 'replaced'] as const).filter((name) => days.some((d) => d[name] > 0));
  return formatTable(
    [
      ...['day', 'records', 'accepted', 'duplicate', 'late', 'dead-lettered', ...rare],
      ...['state', 'labels', 'digest'],
    ],
    days.map((d) => [
      d.day,
      d.records,
      d.accepted ?? '-',
      d.duplicate ?? '-',
      d.late ?? '-',
      d.dead_lettered,
      ...rare.map((name) => d[name]),
      d.generation === null ? 'open' : `sealed g${String(d.generation)} (${d.kind ?? ''})`,
      labels(d),
      d.digest?.slice(0, 16) ?? '-',
    ]),
  );
}

/** Every record that was read, so that it can be found in the days again. */
const readLine = ({
  records,
  filtered,
  dead_lettered,
  repeated,
  kept,
  rows,
}: SourceTotals): string =>
  `\nread ${String(records)} records = ${String(filtered)} filtered + ${String(dead_lettered)} ` +
  `dead-lettered + ${repeated > 0 ? `${String(repeated)} only repeats + ` : ''}${String(kept)} that gave ${String(rows)} rows (accepted, duplicate or late)`;

async function showDays(context: Context) {
  const entries = await readLedgers(context.store);
  const days = await dayReports(context.store, entries);
  const read = sourceTotals(entries);
  context.say(tableOf(days));
  if (read.records > 0) context.say(readLine(read));
  if (days.some((day) => day.dead_lettered > 0))
    context.say('`vamo days DAY` shows why records of a day are dead letters, and where they lie');
  const stale = await staleVersions(context);
  if (stale.length > 0) context.say('\nversions trained on older generations:');
  sayStale(context, stale);
  return { days, read, stale };
}

/** Without replays nothing is said of them. */
function reasonsTable(bad: readonly BadRecords[]): string {
  const rare = bad.some(({ replayed }) => replayed > 0) ? (['replayed'] as const) : [];
  return formatTable(
    ['records', ...rare, 'reason of the first', 'the first', 'its file'],
    bad.map((one) => [
      one.records,
      ...rare.map((name) => one[name]),
      one.reason,
      one.first,
      one.file,
    ]),
  );
}

async function showDay(context: Context, day: DayKey) {
  const { store, config } = context;
  const { utcOffsetMinutes } = config.days;
  const entries = await readLedgers(store);
  const days = (await dayReports(store, entries)).filter((report) => report.day === day);
  if (days.length === 0) throw dayMissing(day);
  const bad = await badRecordsOf({ store, day, utcOffsetMinutes, entries });
  context.say(tableOf(days));
  if (bad.length > 0) context.say(`\ndead letters of ${day}:\n${reasonsTable(bad)}`);
  return { days, bad };
}

/** What came in each day and what became of it, or a question to the queryable copy. */
export const daysCommand: CommandSpec<{ readonly sql?: string }> = {
  name: 'days',
  readsOnly: true,
  // A server's copy is asked from anywhere.
  needs: ({ sql }) => (sql === undefined ? 'events' : undefined),
  summary: 'records of each day: accepted, duplicate, late, dead-lettered; or ask with SQL',
  examples: [
    'vamo days',
    'vamo days 2026-01-05',
    'vamo days --sql "SELECT day, task, sum(cost) / 1e6 AS spend FROM events GROUP BY ALL ORDER BY ALL"',
  ],
  options: (command) =>
    command
      .addArgument(new Argument('[day]', 'this day only, with its dead letters by reason'))
      .option(
        '--sql <query>',
        'a SELECT over `events` and `steps`, or over `events_now`, which has the open days that `vamo clickhouse load` or `serve` brought in',
      ),
  check({ sql }, [day]) {
    if (sql !== undefined && day !== undefined)
      throw new VamoError('USAGE', 'name a day or a question, not both');
  },
  run(context, { sql }, [day]) {
    if (sql !== undefined) return ask(context, sql);
    return day === undefined ? showDays(context) : showDay(context, dayKey(day));
  },
};
