import type { ReleasedVersion, VerifiedRecord } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';

interface Walk {
  /** Each version that was ever champion and the place of its newest publication. */
  readonly places: ReadonlyMap<string, number>;
  /** As `rolledAwayFrom` gives them. */
  readonly left: ReadonlyMap<string, VerifiedRecord>;
  /** The place of what is champion, or of what was rolled back to it; -1 = no record. */
  readonly rolledBack: number;
}

function walk(history: readonly VerifiedRecord[]): Walk {
  const places = new Map<string, number>();
  const left = new Map<string, VerifiedRecord>();
  let rolledBack = -1;
  for (const [i, verified] of history.entries()) {
    const { action, champion, previous } = verified.record;
    // As they are at this record: what is published again later says nothing of a move before.
    if (action === 'publish' || !places.has(champion.manifest)) places.set(champion.manifest, i);
    const to = places.get(champion.manifest) ?? i;
    left.delete(champion.manifest);
    rolledBack = to;
    if (action === 'publish' || previous === null) continue;
    // The record that published it may be damaged: then it came just before this one.
    const from = places.get(previous.manifest) ?? i;
    if (to > from || previous.manifest === champion.manifest) continue;
    // A move back leaves behind what was published between the two as well.
    const between = [...places].filter(([, place]) => place > to && place <= from);
    for (const manifest of [previous.manifest, ...between.map(([one]) => one)])
      if (!left.has(manifest)) left.set(manifest, verified);
    rolledBack = from;
  }
  return { places, left, rolledBack };
}

/**
 * The versions that a rollback went away from and that no record released since, by the digest of
 * their manifest, each with the record of the first such rollback. What was published between the
 * version that was left and the one that was gone back to is left, too; a move to a version published
 * later leaves nothing.
 * @param history the believed records of a channel, oldest first
 */
export const rolledAwayFrom = (
  history: readonly VerifiedRecord[],
): ReadonlyMap<string, VerifiedRecord> => walk(history).left;

/**
 * What a rollback without a named version goes back to: the newest version published before the one
 * that is rolled back, passing over those that are revoked or were rolled away from since they were
 * published. After a rollback this is the present champion, so that repeating the command never
 * brings a bad version back; to go back further, a version must be named. A move to a version
 * published later (forward again) takes that version's rollback away.
 *
 * @param history the believed records of a channel, oldest first
 * @returns null when there is nothing to go back to
 */
export function rollbackTarget(history: readonly VerifiedRecord[]): ReleasedVersion | null {
  const head = history.at(-1)?.record;
  if (head === undefined) return null;
  const { places, left, rolledBack } = walk(history);
  const isTarget = ({ record: { champion } }: VerifiedRecord, i: number): boolean =>
    i < rolledBack &&
    places.get(champion.manifest) === i &&
    !left.has(champion.manifest) &&
    !head.revoked.includes(champion.manifest);
  return history.filter(isTarget).at(-1)?.record.champion ?? null;
}

/**
 * The champion of some believed record that has this name. What the gate held was never champion,
 * so a rollback cannot release it.
 * @throws VamoError RELEASE_REFUSED naming the versions that were
 */
export function championNamed(
  history: readonly VerifiedRecord[],
  version: string,
): ReleasedVersion {
  const champions = history.map(({ record }) => record.champion);
  const found = champions.findLast((champion) => champion.version === version);
  if (found !== undefined) return found;
  const names = [...new Set(champions.map((champion) => champion.version))];
  throw new VamoError('RELEASE_REFUSED', `${version} was never released; ${released(names)}`, {
    details: { version, released: names },
    mend: 'Go back to a version that was released, or let this one pass the gate: `vamo publish`.',
  });
}

const released = (names: readonly string[]): string =>
  names.length === 0 ? 'nothing was' : `released were ${names.join(', ')}`;
