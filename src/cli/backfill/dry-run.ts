import type { BackfillPlan } from '../../contracts/index.ts';
import { dayReports, daysOf } from '../../days/index.ts';
import type { Context } from '../context.ts';
import { formatTable } from '../table.ts';
import { describeSource } from './plan.ts';

/** What is there of each day of a plan, and how many of its rows the plan would take the place of. */
async function presentDays({ store }: Context, plan: BackfillPlan) {
  const reports = new Map((await dayReports(store)).map((report) => [report.day, report]));
  return daysOf(plan).map((day) => {
    const report = reports.get(day);
    const rows = report?.accepted ?? 0;
    return {
      day,
      state: report === undefined ? 'absent' : report.sealed ? 'sealed' : 'open',
      generation: report?.generation ?? null,
      rows,
      replaced: plan.mode === 'replace' ? rows : 0,
    };
  });
}

/** What of a topic is read, by time of arrival. */
function windowOf({ source, mode }: BackfillPlan): string[] {
  if (source.kind !== 'topic') return [];
  const time = (ms: number): string => new Date(ms).toISOString();
  const window = `records that arrived from ${time(source.fromMs)} to ${time(source.untilMs)} are read`;
  const lost = 'rows that arrived later are not: a day that is replaced is without them';
  return mode === 'replace' ? [window, lost] : [window];
}

/** Says what a plan would read and what is there of its days; writes nothing. */
export async function dryRun(context: Context, plan: BackfillPlan) {
  const { what, partitions, parts, expected, unit } = describeSource(plan);
  const days = await presentDays(context, plan);
  context.say(
    `backfill ${plan.id}: ${what === parts ? '' : `${what}, `}${String(partitions)} ${parts}, ${String(expected)} ${unit}`,
  );
  context.say(
    plan.mode === 'merge'
      ? 'mode merge: adds to the rows of each day'
      : 'mode replace: of each day that the source has rows of, the present rows will be replaced',
  );
  for (const line of windowOf(plan)) context.say(line);
  context.say('nothing is changed by --dry-run\n');
  context.say(
    formatTable(
      ['day', 'now', 'generation', 'rows', 'of them replaced'],
      days.map((d) => [d.day, d.state, d.generation ?? '-', d.rows, d.replaced]),
    ),
  );
  return { dryRun: true, plan, expected, unit, days };
}
