import { existsSync } from 'node:fs';
import { askReadOnly } from '../../clickhouse/index.ts';
import { VamoError } from '../../core/index.ts';
import { type DayReport, dayReports } from '../../days/index.ts';
import { clickHouseFolder, clickHousePlace } from '../clickhouse.ts';
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

/** What came in each day and what became of it, or a question to the queryable copy. */
export const daysCommand: CommandSpec<{ readonly sql?: string }> = {
  name: 'days',
  readsOnly: true,
  summary: 'records of each day: accepted, duplicate, late, dead-lettered; or ask with SQL',
  examples: [
    'vamo days',
    'vamo days --sql "SELECT day, task, sum(cost) / 1e6 AS spend FROM events GROUP BY ALL ORDER BY ALL"',
  ],
  options: (command) =>
    command.option(
      '--sql <query>',
      'a SELECT over the tables `events` and `steps`, or `events_now` with open days',
    ),
  async run(context, { sql }) {
    if (sql !== undefined) {
      const place = await clickHousePlace(context);
      if (place.isEmbedded && !existsSync(clickHouseFolder(context.root)))
        throw new VamoError('DAY_UNSEALED', 'no day has been sealed yet: there is nothing to ask');
      const engine = await place.open();
      context.releasers.push(() => engine.close());
      const rows = await askReadOnly(engine, sql);
      const heading = Object.keys(rows[0] ?? {});
      if (rows.length === 0) context.say('no rows');
      else
        context.say(
          formatTable(
            heading,
            rows.map((row) => heading.map((name) => cell(row[name]))),
          ),
        );
      return { rows };
    }
    const days = await dayReports(context.store);
    context.say(
      formatTable(
        [
          'day',
          'records',
          'accepted',
          'duplicate',
          'late',
          'dead-lettered',
          'state',
          'labels',
          'digest',
        ],
        days.map((d) => [
          d.day,
          d.records,
          d.accepted ?? '-',
          d.duplicate ?? '-',
          d.late ?? '-',
          d.dead_lettered,
          d.generation === null ? 'open' : `sealed g${String(d.generation)} (${d.kind ?? ''})`,
          labels(d),
          d.digest?.slice(0, 16) ?? '-',
        ]),
      ),
    );
    const stale = await staleVersions(context);
    if (stale.length > 0) context.say('\nversions trained on older generations:');
    sayStale(context, stale);
    return { days, stale };
  },
};
