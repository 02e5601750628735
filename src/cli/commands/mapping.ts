import { VamoError } from '../../core/index.ts';
import { BAD_WINDOW, checkMapping, loadMapping, type MappingReport } from '../../ingest/index.ts';
import type { Context } from '../context.ts';
import { decoderOptions } from '../decoder.ts';
import { type CommandSpec, wholeNumber } from '../run-command.ts';

interface MappingOptions {
  readonly rows: number;
}

const named = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${String(count)}`)
    .join(', ') || 'none';

/** Minutes from UTC as an offset, `+08:00`. */
function zoneOf(minutes: number): string {
  const two = (n: number): string => String(Math.trunc(n)).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.abs(minutes) / 60)}:${two(Math.abs(minutes) % 60)}`;
}

function sayReport({ say, config }: Context, report: MappingReport): void {
  const { lines, accepted, repeated, filtered, refused } = report;
  const repeats = repeated > 0 ? ` + ${String(repeated)} only repeats` : '';
  say(
    `${String(lines)} lines = ${String(accepted)} gave events${repeats} + ${String(filtered)} filtered + ${String(refused)} refused`,
  );
  say(`events: ${named(report.events)}`);
  say(`distinct ids: ${named(report.distinct)}`);
  say(`days at ${zoneOf(config.days.utcOffsetMinutes)}: ${named(report.days)}`);
  if (accepted > 0)
    for (const entry of report.silent)
      say(`warning: ${entry} gave no event: its \`when\` held for no line that was kept`);
  if (report.rows.length > 0)
    say('first rows as stored (money in millionths, values in billionths):');
  for (const { line, day, arrivalMs, event } of report.rows)
    say(
      `  line ${String(line)}  day ${day}  arrival_ms ${String(arrivalMs)}  ${JSON.stringify(event)}`,
    );
  for (const [title, reasons] of [
    ['filtered', report.filters],
    ['refused', report.refusals],
  ] as const) {
    if (reasons.length > 0) say(`${title}:`);
    for (const { reason, lines: count, firstLine, text } of reasons)
      say(
        `  ${String(count)} x ${reason}\n      first: line ${String(firstLine)}: ${JSON.stringify(text)}`,
      );
  }
}

/** Tries a mapping on a sample of a foreign log; writes nothing. */
export const mappingCommand: CommandSpec<MappingOptions> = {
  name: 'mapping',
  readsOnly: true,
  configOnly: true,
  summary: 'check FILE SAMPLE: what a mapping makes of a foreign log, and what it refuses',
  examples: [
    'vamo mapping check ipinyou imp.20130606.txt.gz',
    'vamo mapping check own.json sample.csv --rows 3',
  ],
  options: (command) =>
    command
      .argument('<action>', 'check')
      .argument('<file>', 'the mapping: a file, or the name of one that vamo ships')
      .argument('<sample>', 'lines of the log, compressed or not')
      .option('--rows <n>', 'rows to show', wholeNumber(0, 1000), 10),
  succeeded: ({ ok }) => ok === true,
  async run(context, { rows }, [action = '', file = '', sample = '']) {
    if (action !== 'check')
      throw new VamoError('USAGE', `mapping ${action}: there is only "mapping check"`);
    const report = await checkMapping(
      await loadMapping(file),
      decoderOptions(context),
      sample,
      rows,
    );
    sayReport(context, report);
    const { maxBadShare } = context.config.ingest;
    const ok = report.accepted > 0 && report.refused <= maxBadShare * report.lines;
    if (!ok)
      context.say(
        report.accepted === 0
          ? 'no line gives an event'
          : `more than ingest.maxBadShare = ${String(maxBadShare)} is refused: ingest stops there, once it has read ${String(BAD_WINDOW)} records`,
      );
    return { ok, ...report };
  },
};
