import { join } from 'node:path';
import type { VerifiedRecord } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import { ensureKeys, openReleases, type Releases } from '../publisher/index.ts';
import type { Context } from './context.ts';

/** Where this data directory's signing key and trust root lie. */
export const keysFolder = (root: string): string => join(root, 'keys');

/** The release log of the configured channel, ready to sign. */
export async function openOwnReleases(context: Context): Promise<Releases> {
  const keys = await ensureKeys(keysFolder(context.root));
  return openReleases(context.store, keys, {
    channel: context.config.release.channel,
    now: context.now,
  });
}

/** The version the fleet should run, or null before the first release. */
export async function championVersion(context: Context): Promise<string | null> {
  const head = await (await openOwnReleases(context)).head();
  return head?.record.champion.version ?? null;
}

/** Who acts, for signed records: the login name, unless told. */
export function actorName(given: string | undefined): string {
  const name = given ?? process.env['USER'] ?? process.env['LOGNAME'] ?? 'unknown';
  if (!/^[\x21-\x7e]{1,64}$/.test(name))
    throw new VamoError('USAGE', `--actor: "${name}"; must be 1 to 64 printable ASCII characters`);
  return name;
}

/** A release record as commands print it. */
export function describeRelease({ record, sha256 }: VerifiedRecord) {
  return {
    epoch: record.epoch,
    action: record.action,
    version: record.champion.version,
    previous: record.previous?.version ?? null,
    actor: record.actor,
    reason: record.reason,
    issuedAt: new Date(record.issuedAt).toISOString(),
    recordSha256: sha256,
  };
}
