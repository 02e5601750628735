import { openRegistry } from '../../publisher/index.ts';
import { championOf, describeRelease, readOwnReleases, sayRefused } from '../releases.ts';
import type { CommandSpec } from '../run-command.ts';
import { sayStale, staleVersions } from '../stale-versions.ts';
import { formatTable } from '../table.ts';

/** Lists versions with their digests and lineage, and the releases that pointed at them. */
export const versionsCommand: CommandSpec<object> = {
  name: 'versions',
  standsAlone: true,
  readsOnly: true,
  summary: 'list versions, where they came from, and which one is live',
  examples: ['vamo versions', "vamo versions --json | jq '.versions[].digest'"],
  async run(context) {
    const registry = openRegistry(context.store);
    const releases = await readOwnReleases(context);
    const { records: history, refused } = releases;
    const champion = championOf(releases);
    const versions = [];
    for (const version of await registry.versions()) {
      const { manifest, manifestSha256 } = await registry.readManifest(version);
      const { digest, lineage } = manifest;
      versions.push({ version, digest, manifestSha256, live: version === champion, lineage });
    }
    context.say(
      formatTable(
        ['', 'version', 'method', 'steps', 'trained on', 'parent'],
        versions.map(({ version, live, lineage: l }) => [
          live ? '*' : '',
          version,
          l.method,
          l.steps,
          `${l.train[0]?.day ?? ''}..${l.train.at(-1)?.day ?? ''}`,
          l.parent ?? '-',
        ]),
      ),
    );
    if (history.length > 0) {
      context.say('');
      context.say(
        formatTable(
          ['epoch', 'action', 'version', 'actor', 'reason'],
          history.map(({ record: r }) => [
            r.epoch,
            r.action,
            r.champion.version,
            r.actor,
            r.reason,
          ]),
        ),
      );
    }
    sayRefused(context, refused);
    const stale = await staleVersions(context);
    if (stale.length > 0) context.say('\ntrained on generations that are no longer the newest:');
    sayStale(context, stale);
    return { champion, versions, stale, releases: history.map(describeRelease), refused };
  },
};
