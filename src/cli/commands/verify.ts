import { Argument } from 'commander';
import { dayKey, VamoError } from '../../core/index.ts';
import { requireSealed } from '../../days/index.ts';
import type { CommandSpec } from '../run-command.ts';
import { checkDays, type DayCheck } from '../verify/check-days.ts';

/** Days that are not sealed are told of only when something is wrong with them. */
const isWorthTelling = ({ generation, differences, superseded, pending }: DayCheck): boolean =>
  generation !== null || differences.length > 0 || superseded.length > 0 || pending !== null;

/** A line, and one more for each thing that differs, or that nobody needs any more. */
function linesOf(check: DayCheck): string[] {
  const { day, generation, kind, rows, compared, differences, superseded, moreSums, pending } =
    check;
  const made = kind === null || kind === 'seal' ? '' : ` (${kind})`;
  const state = generation === null ? '(not sealed)' : `g${String(generation)}${made}`;
  const verdict = differences.length === 0 ? 'ok' : 'DIFFERS';
  const sums = compared === null ? '' : `, ${String(compared)} sums against the truth`;
  const note = pending === null ? '' : `; ${pending.what}: ${String(pending.found)}`;
  const now = generation === null ? 'the day' : `g${String(generation)}`;
  return [
    `${day} ${state} ${verdict}: ${String(rows)} rows${sums}${note}`,
    ...differences.map(
      ({ what, found, recorded }) =>
        `  ${what}: found ${String(found)}, recorded ${String(recorded)}`,
    ),
    ...superseded.map(
      ({ generation: old, what, found, recorded }) =>
        `  superseded g${String(old)}: ${what}: found ${String(found)}, recorded ${String(recorded)}; ` +
        `${now} takes nothing over from it, and no command reads it but an undo or a run that pinned it`,
    ),
    ...(moreSums > 0 ? [`  ${String(moreSums)} more sums differ`] : []),
  ];
}

/** Holds sealed files against their manifests, and the queryable copy against the files. */
export const verifyCommand: CommandSpec<{ readonly truth?: string }> = {
  name: 'verify',
  needs: () => 'events',
  readsOnly: true,
  summary: 'files against manifests against ClickHouse; exit 1 names what differs',
  examples: ['vamo verify', 'vamo verify 2026-01-05', 'vamo verify --truth data/truth'],
  options: (command) =>
    command
      .addArgument(new Argument('[day]', 'this day only'))
      .option('--truth <dir>', 'also against what `vamo simulate` left in its DATA/truth'),
  succeeded: ({ differing, unread }) => differing === 0 && unread === null,
  async run(context, { truth }, [name]) {
    const only = name === undefined ? undefined : dayKey(name);
    const { days, unread } = await checkDays(context, { only, truth });
    const checks = days.filter(isWorthTelling);
    // Nothing to look at is no good news: a wrong directory looks like this.
    if (checks.length === 0 && only !== undefined) await requireSealed(context.store, only);
    if (checks.length === 0)
      throw new VamoError('DAY_UNSEALED', `no day is sealed in ${context.root}`, {
        details: { day: null, data: context.root },
      });
    if (truth !== undefined && checks.every(({ compared }) => compared === null))
      throw new VamoError('STORE_NOT_FOUND', `--truth: ${truth} has DAY.json of no sealed day`, {
        details: { truth },
        mend: 'Name the folder `truth` of the data directory that `vamo simulate` was given.',
      });
    for (const line of checks.flatMap(linesOf)) context.say(line);
    if (unread !== null) context.say(`the copy in ClickHouse was not compared: ${unread}`);
    const mends = checks.flatMap(({ differences }) => differences.map(({ mend }) => mend));
    for (const mend of new Set(mends)) context.say(mend);
    const differing = checks.filter(({ differences }) => differences.length > 0).length;
    return { days: checks, differing, unread };
  },
};
