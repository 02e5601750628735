import { openDataDirectory, orphansByAge, removeOrphans } from '../../store/index.ts';
import type { CommandSpec } from '../run-command.ts';

interface PruneOptions {
  readonly dryRun?: boolean;
}

/** Removes what no reader can see any more. */
export const pruneCommand: CommandSpec<PruneOptions> = {
  name: 'prune',
  needsEvents: () => true,
  summary: 'remove files that no ledger and no manifest names, left by processes that died',
  examples: ['vamo prune --dry-run', 'vamo prune'],
  options: (command) => command.option('--dry-run', 'only say what would be removed'),
  async run(context, { dryRun = false }) {
    const { store, config, root, now } = context;
    const nowMs = now();
    const role = await openDataDirectory(root, { role: 'pruner', nowMs, settings: config.store });
    try {
      const work = dryRun ? orphansByAge : removeOrphans;
      const { old, young } = await work(store, nowMs - config.ingest.orphanGraceMs);
      for (const key of old) context.say(key);
      context.say(
        `${String(old.length)} orphans ${dryRun ? 'would be removed' : 'removed'}, ` +
          `${String(young.length)} younger than ingest.orphanGraceMs kept`,
      );
      return { dryRun, removed: dryRun ? [] : old, old, young };
    } finally {
      await role.release();
    }
  },
};
