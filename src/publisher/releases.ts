import {
  type GateDecision,
  listReleases,
  readRelease,
  type ReleasedVersion,
  releaseKey,
  type ReleaseRecord,
  signRecord,
  type TrustedKeys,
  type VerifiedRecord,
} from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { SigningKeys } from './keys.ts';
import { openRegistry } from './registry.ts';

/** Who asks for a release and why; both are signed. */
interface Cause {
  readonly actor: string;
  readonly reason: string;
}

/** A channel's signed release log. Its newest record is what the fleet should run. */
export interface Releases {
  /** Newest record, or null. @throws VamoError RELEASE_SIGNATURE, RELEASE_REFUSED */
  head(): Promise<VerifiedRecord | null>;
  /** All records, oldest first, each verified and chained to the one before. */
  history(): Promise<VerifiedRecord[]>;
  /**
   * Makes a version the champion. Asking for the present champion changes nothing.
   * @throws VamoError RELEASE_REFUSED when the gate did not pass and is not overridden, or the
   * version is revoked; RELEASE_RACE, also when the champion is not `expectedChampion`, the version
   * the gate compared with (null: none; left out: not asked); VERSION_UNKNOWN; CHECKPOINT_INVALID
   */
  publish(
    request: Cause & { version: string; gate: GateDecision; expectedChampion?: string | null },
  ): Promise<VerifiedRecord>;
  /** A new record with a higher epoch that points at an older version (default: the previous one). */
  rollback(request: Cause & { to?: string }): Promise<VerifiedRecord>;
}

/** The log for reading, by anyone who has root.json. */
function openReleaseLog(
  store: ObjectStore,
  channel: string,
  trusted: TrustedKeys,
): Pick<Releases, 'head' | 'history'> {
  return {
    async head() {
      const place = (await listReleases(store, channel)).at(-1);
      return place === undefined ? null : readRelease(store, place, channel, trusted);
    },
    async history() {
      const verified: VerifiedRecord[] = [];
      for (const place of await listReleases(store, channel)) {
        const next = await readRelease(store, place, channel, trusted);
        const before = verified.at(-1);
        const chained = before?.record.generation === next.record.generation ? before.sha256 : null;
        if (next.record.prev !== chained)
          throw new VamoError(
            'RELEASE_REFUSED',
            `epoch ${place.epoch}: prev is not the record before`,
          );
        verified.push(next);
      }
      return verified;
    },
  };
}

/**
 * Opens a channel for publishing.
 * @param options.now milliseconds for `issuedAt`, informative only
 */
export function openReleases(
  store: ObjectStore,
  keys: SigningKeys,
  options: { readonly channel: string; readonly now: () => number },
): Releases {
  const { channel, now } = options;
  const log = openReleaseLog(store, channel, keys.trusted);
  const registry = openRegistry(store);

  /** Everything of the version is read and verified before a record may name it. */
  async function released(version: string): Promise<ReleasedVersion> {
    return { version, manifest: (await registry.readCheckpoint(version)).manifestSha256 };
  }

  async function append(
    head: VerifiedRecord | null,
    change: Pick<ReleaseRecord, 'action' | 'actor' | 'reason' | 'gate' | 'champion'>,
  ): Promise<VerifiedRecord> {
    const { generation } = keys.trusted;
    if ((head?.record.generation ?? 0) > generation)
      throw new VamoError('RELEASE_REFUSED', `root.json is of the past generation ${generation}`);
    const before = head?.record.generation === generation ? head : null;
    const epoch = (before?.record.epoch ?? 0) + 1;
    const revoked = head?.record.revoked ?? [];
    if (revoked.includes(change.champion.manifest))
      throw new VamoError('RELEASE_REFUSED', `version ${change.champion.version} is revoked`);
    const record: ReleaseRecord = {
      schema: 'release/v1',
      channel,
      generation,
      epoch,
      prev: before?.sha256 ?? null,
      issuedAt: now(),
      ...change,
      previous: head?.record.champion ?? null,
      revoked,
    };
    const key = releaseKey(channel, generation, epoch);
    if (!(await store.putIfAbsent(key, signRecord(record, keys.privateKey, keys.keyid))))
      throw new VamoError('RELEASE_RACE', `epoch ${epoch} was taken by another publisher`, {
        details: { channel, generation, epoch },
      });
    return readRelease(store, { key, generation, epoch }, channel, keys.trusted);
  }

  return {
    ...log,
    async publish({ version, actor, reason, gate, expectedChampion }) {
      if (gate.outcome !== 'pass' && gate.overridden === null)
        throw new VamoError(
          'RELEASE_REFUSED',
          `the gate says ${gate.outcome}: ${gate.reasons.join('; ')}`,
        );
      const head = await log.head();
      const champion = await released(version);
      if (head?.record.champion.manifest === champion.manifest) return head;
      const present = head?.record.champion.version ?? null;
      if (expectedChampion !== undefined && present !== expectedChampion)
        throw new VamoError(
          'RELEASE_RACE',
          `the gate compared with ${expectedChampion ?? 'no champion'}, the champion is ${present ?? 'none'}`,
          { details: { channel, expectedChampion, present } },
        );
      const { outcome, overridden } = gate;
      return append(head, {
        action: 'publish',
        actor,
        reason,
        gate: { outcome, overridden },
        champion,
      });
    },
    async rollback({ to, actor, reason }) {
      const head = await log.head();
      const target = to ?? head?.record.previous?.version;
      if (head === null || target === undefined)
        throw new VamoError('VERSION_UNKNOWN', `channel "${channel}" has no version to go back to`);
      if (target === head.record.champion.version)
        throw new VamoError('USAGE', `${target} is the champion already`);
      const champion = await released(target);
      return append(head, { action: 'rollback', actor, reason, gate: null, champion });
    },
  };
}
