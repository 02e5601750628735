import { Argument } from 'commander';
import { dayKey } from '../../core/index.ts';
import { amendDay, requireSealed } from '../../days/index.ts';
import type { CommandSpec } from '../run-command.ts';
import { staleVersions, sayStale } from '../stale-versions.ts';
import { asSealer, describeGeneration } from './seal.ts';

/** Takes a day's late rows in, as its next generation. */
export const amendCommand: CommandSpec<object> = {
  name: 'amend',
  needs: () => 'events',
  summary: 'take a day\u2019s late rows in: its next generation',
  examples: ['vamo amend 2026-01-05'],
  options: (command) => command.addArgument(new Argument('<day>', 'a sealed day')),
  async run(context, _options, [name = '']) {
    const day = dayKey(name);
    const before = await requireSealed(context.store, day);
    const after = await asSealer(context, (building) => amendDay(building(day)));
    const changed = after.generation > before.generation;
    const added = after.counts.accepted - before.counts.accepted;
    context.say(
      changed
        ? `${day} amended: generation ${String(after.generation)}, ${String(added)} rows more, digest ${after.digest.slice(0, 16)}`
        : `${day} has no late rows; it stays generation ${String(after.generation)}`,
    );
    const stale = await staleVersions(context);
    sayStale(context, stale);
    return { changed, ...describeGeneration(after), stale };
  },
};
