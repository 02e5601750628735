import {
  type GateDecision,
  MAX_EPOCH_STEP,
  readRelease,
  readReleaseLog,
  type ReleasedVersion,
  releaseKey,
  type ReleaseLog,
  type ReleaseRecord,
  signRecord,
  type VerifiedRecord,
} from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { SigningKeys } from './keys.ts';
import { openRegistry } from './registry.ts';
import { championNamed, rollbackTarget } from './rollback-target.ts';

/** Who asks for a release and why; both are signed. */
interface Cause {
  readonly actor: string;
  readonly reason: string;
}

/** A rollback's record, and whether the log said so already. */
interface RolledBack extends VerifiedRecord {
  /** True when the wanted version was the champion already: nothing was signed. */
  readonly repeated: boolean;
}

/**
 * A channel's signed release log. Its newest believed record is what the fleet should run; files
 * that nobody may believe (`readReleaseLog`) are passed over and appended above, never waited for.
 */
export interface Releases {
  /** Newest believed record, or null. */
  head(): Promise<VerifiedRecord | null>;
  /** The believed records, oldest first, and what was refused beside them. */
  log(): Promise<ReleaseLog>;
  /**
   * Makes a version the champion. Asking for the present champion changes nothing.
   * @throws VamoError RELEASE_REFUSED when the gate did not pass and is not overridden, or the
   * version is revoked; RELEASE_RACE, also when the champion is not `expectedChampion`, the version
   * the gate compared with (null: none; left out: not asked); VERSION_UNKNOWN; CHECKPOINT_INVALID
   */
  publish(
    request: Cause & { version: string; gate: GateDecision; expectedChampion?: string | null },
  ): Promise<VerifiedRecord>;
  /**
   * A new record with a higher epoch that points at a version that was champion before: `to`, or the
   * one `rollbackTarget` gives. When that is the champion already nothing is signed.
   * @throws VamoError VERSION_UNKNOWN with nothing to go back to; RELEASE_REFUSED for a version that
   * was never released or is revoked; CHECKPOINT_INVALID; RELEASE_RACE
   */
  rollback(request: Cause & { to?: string }): Promise<RolledBack>;
}

/**
 * The epoch of the next record. Epochs only rise and a place is created once, so two records of one
 * epoch cannot both be signed. Above a file that is not believed one place stays free: it may be a
 * record that rotted after bidders took it, and they would hold the epoch right above to that
 * record's hash. Files so far up that no bidder would take what lies above them are not counted: no
 * bidder takes them either, and they would use up the numbers.
 */
function nextEpoch({ refused }: ReleaseLog, generation: number, newest: number): number {
  const counted = refused
    .filter((p) => p.generation === generation && p.epoch <= newest + MAX_EPOCH_STEP - 2)
    .map(({ epoch }) => epoch);
  const top = Math.max(newest, ...counted);
  return top === newest ? newest + 1 : top + 2;
}

/** True when something above the newest believed record is not believed: bidders may run it. */
function isContested({ records, refused }: ReleaseLog): boolean {
  const head = records.at(-1)?.record;
  if (head === undefined) return refused.length > 0;
  return refused.some(
    ({ generation: g, epoch }) =>
      g > head.generation || (g === head.generation && epoch > head.epoch),
  );
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
  const registry = openRegistry(store);
  const readLog = (): Promise<ReleaseLog> => readReleaseLog(store, channel, keys.trusted);

  /** Everything of the version is read and verified before a record may name it. */
  async function released(version: string): Promise<ReleasedVersion> {
    return { version, manifest: (await registry.readCheckpoint(version)).manifestSha256 };
  }

  async function append(
    log: ReleaseLog,
    change: Pick<ReleaseRecord, 'action' | 'actor' | 'reason' | 'gate' | 'champion'>,
  ): Promise<VerifiedRecord> {
    const { generation } = keys.trusted;
    const head = log.records.at(-1);
    if ((head?.record.generation ?? 0) > generation)
      throw new VamoError('RELEASE_REFUSED', `root.json is of the past generation ${generation}`);
    const before = head?.record.generation === generation ? head : null;
    const epoch = nextEpoch(log, generation, before?.record.epoch ?? 0);
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
    log: readLog,
    head: async () => (await readLog()).records.at(-1) ?? null,
    async publish({ version, actor, reason, gate, expectedChampion }) {
      if (gate.outcome !== 'pass' && gate.overridden === null)
        throw new VamoError(
          'RELEASE_REFUSED',
          `the gate says ${gate.outcome}: ${gate.reasons.join('; ')}`,
        );
      const log = await readLog();
      const head = log.records.at(-1);
      const champion = await released(version);
      if (head?.record.champion.manifest === champion.manifest && !isContested(log)) return head;
      const present = head?.record.champion.version ?? null;
      if (expectedChampion !== undefined && present !== expectedChampion)
        throw new VamoError(
          'RELEASE_RACE',
          `the gate compared with ${expectedChampion ?? 'no champion'}, the champion is ${present ?? 'none'}`,
          { details: { channel, expectedChampion, present } },
        );
      const { outcome, overridden } = gate;
      return append(log, {
        action: 'publish',
        actor,
        reason,
        gate: { outcome, overridden },
        champion,
      });
    },
    async rollback({ to, actor, reason }) {
      const log = await readLog();
      const { records } = log;
      const head = records.at(-1);
      const target = to === undefined ? rollbackTarget(records) : championNamed(records, to);
      if (head === undefined || target === null)
        throw new VamoError('VERSION_UNKNOWN', `channel "${channel}" has no version to go back to`);
      if (head.record.champion.manifest === target.manifest && !isContested(log))
        return { ...head, repeated: true };
      const champion = await released(target.version);
      if (champion.manifest !== target.manifest)
        throw new VamoError(
          'CHECKPOINT_INVALID',
          `${target.version}: its manifest is not the one that was released`,
          { details: { expected: target.manifest, found: champion.manifest } },
        );
      const change = { action: 'rollback', actor, reason, gate: null, champion } as const;
      return { ...(await append(log, change)), repeated: false };
    },
  };
}
