import { userInfo } from 'node:os';
import { join } from 'node:path';
import {
  MAX_WORDS_LENGTH,
  readReleaseLog,
  type RefusedRecord,
  type ReleaseLog,
  type VerifiedRecord,
} from '../contracts/index.ts';
import { isVamoError, VamoError } from '../core/index.ts';
import { ensureKeys, loadTrust, openReleases, type Releases } from '../publisher/index.ts';
import type { Context } from './context.ts';

/** Where this data directory's signing key and trust root lie. */
export const keysFolder = (root: string): string => join(root, 'keys');

/** The release log of the configured channel, ready to sign: the keys are made on first use. */
export async function openOwnReleases(context: Context): Promise<Releases> {
  const keys = await ensureKeys(keysFolder(context.root));
  return openReleases(context.store, keys, {
    channel: context.config.release.channel,
    now: context.now,
  });
}

/**
 * The release log of the configured channel, for reading: no key is needed and none is made. What
 * must not be believed is warned of; before the first release the log is empty.
 * @throws VamoError RELEASE_NONE when there are records but no trust root to check them with
 */
export async function readOwnReleases({ store, root, config, log }: Context): Promise<ReleaseLog> {
  const { channel } = config.release;
  let trusted;
  try {
    trusted = await loadTrust(keysFolder(root));
  } catch (error) {
    const unused = (await store.list(`releases/${channel}`)).length === 0;
    if (isVamoError(error, 'RELEASE_NONE') && unused) return { records: [], refused: [] };
    throw error;
  }
  const releases = await readReleaseLog(store, channel, trusted);
  for (const { key, reason } of releases.refused) log.warn('release.refused', { key, reason });
  return releases;
}

/** The version that believed records say the fleet should run, or null. */
export function championOf({ records }: ReleaseLog): string | null {
  return records.at(-1)?.record.champion.version ?? null;
}

/** The version the fleet should run, or null before the first release. */
export async function championVersion(context: Context): Promise<string | null> {
  return championOf(await readOwnReleases(context));
}

/** The user's name by the system's user database; none for a number that is not in it. */
function systemUser(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/**
 * Who acts, for signed records: the login name (`USER`, `LOGNAME`, the system's name of the user),
 * unless told; `unknown` without any.
 * @throws VamoError USAGE for a name that a record does not take
 */
export function actorName(given: string | undefined): string {
  const { USER, LOGNAME } = process.env;
  const login = [USER, LOGNAME].find((name) => name !== undefined && name !== '');
  const name = given ?? login ?? systemUser() ?? 'unknown';
  if (!/^[\x21-\x7e]{1,64}$/.test(name))
    throw new VamoError('USAGE', `--actor: "${name}"; must be 1 to 64 printable ASCII characters`);
  return name;
}

/** Refuses a reason that a record does not take, before anything is done. @throws VamoError USAGE */
export function checkReason(reason: string): void {
  if (reason.trim() === '')
    throw new VamoError('USAGE', `--reason: "${reason}" says nothing; must not be empty`);
  if (reason.length > MAX_WORDS_LENGTH)
    throw new VamoError(
      'USAGE',
      `--reason: ${String(reason.length)} characters; must be at most ${String(MAX_WORDS_LENGTH)}`,
    );
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

/** Says which files of the release log are not believed. */
export function sayRefused({ say }: Context, refused: readonly RefusedRecord[]): void {
  if (refused.length > 0) say('\nnot believed, and passed over:');
  for (const { key, reason } of refused) say(`  ${key}: ${reason}`);
}
