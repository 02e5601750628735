import {
  longestOrphanGrace,
  openDataDirectory,
  orphansByAge,
  removeOrphans,
} from '../../store/index.ts';
import type { CommandSpec } from '../run-command.ts';

interface PruneOptions {
  readonly dryRun?: boolean;
}

/** At least an hour is configured, so minutes are told as parts of one. */
const inHours = (ms: number): string => `${String(Math.round(ms / 36_000) / 100)} h`;

/** Removes what no reader can see any more. */
export const pruneCommand: CommandSpec<PruneOptions> = {
  name: 'prune',
  needs: () => 'files',
  summary: 'remove files that no ledger and no manifest names, left by processes that died',
  examples: ['vamo prune --dry-run', 'vamo prune'],
  options: (command) => command.option('--dry-run', 'only say what would be removed'),
  async run(context, { dryRun = false }) {
    const { store, config, root, now } = context;
    const nowMs = now();
    const role = await openDataDirectory(root, { role: 'pruner', nowMs, settings: config.store });
    try {
      const work = dryRun ? orphansByAge : removeOrphans;
      const graceMs = await longestOrphanGrace(store, config.ingest.orphanGraceMs);
      const { old, young } = await work(store, nowMs - graceMs);
      for (const key of old) context.say(key);
      context.say(
        `${String(old.length)} orphans ${dryRun ? 'would be removed' : 'removed'}, ` +
          `${String(young.length)} younger than ${inHours(graceMs)} (ingest.orphanGraceMs) kept`,
      );
      return { dryRun, graceMs, removed: dryRun ? [] : old, old, young };
    } finally {
      await role.release();
    }
  },
};
