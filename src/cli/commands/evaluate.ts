import { dayKey, VamoError } from '../../core/index.ts';
import { listSealedDays } from '../../store/index.ts';
import { evaluateVersion } from '../evaluate-version.ts';
import { championVersion } from '../releases.ts';
import { ratiosTo, returnsTable } from '../results.ts';
import type { CommandSpec } from '../run-command.ts';

interface EvaluateOptions {
  readonly candidate?: string;
  readonly day?: string;
}

/** A version on a day it may never have seen. */
export const evaluateCommand: CommandSpec<EvaluateOptions> = {
  name: 'evaluate',
  readsOnly: true,
  summary: 'replay a published version on a sealed day beside the anchors',
  examples: [
    'vamo evaluate',
    'vamo evaluate --day 2026-01-16 --candidate 2026-01-15-r0-9f3c1a77e0b2',
  ],
  options: (command) =>
    command
      .option('--candidate <version>', 'the version to evaluate; default: the champion')
      .option('--day <day>', 'a sealed day; default: the newest'),
  async run(context, options) {
    const version = options.candidate ?? (await championVersion(context));
    if (version === null)
      throw new VamoError('VERSION_UNKNOWN', 'nothing is released yet; name a --candidate');
    const day =
      options.day === undefined
        ? (await listSealedDays(context.store)).at(-1)?.day
        : dayKey(options.day);
    if (day === undefined) throw new VamoError('DAY_MISSING', 'no day is sealed yet');
    const document = await evaluateVersion(context, version, day);
    context.say(`${version} on ${day}`);
    for (const task of document.unknownTasks ?? [])
      context.say(`  ${task}: this version does not know it, its campaigns are left out`);
    context.say(returnsTable(document));
    return {
      ...document,
      ratios: {
        logged: ratiosTo(document, 'logged'),
        bangbang: ratiosTo(document, 'bangbang'),
        hindsight: ratiosTo(document, 'hindsight'),
      },
    };
  },
};
