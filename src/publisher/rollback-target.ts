import type { ReleasedVersion, VerifiedRecord } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';

/** Each version that was ever champion and the place of its newest publication, oldest first. */
function publications(history: readonly VerifiedRecord[]): Map<string, number> {
  const places = new Map<string, number>();
  history.forEach(({ record: { action, champion } }, i) => {
    if (action === 'publish' || !places.has(champion.manifest)) places.set(champion.manifest, i);
  });
  return places;
}

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
  const places = publications(history);
  const bad = new Set<string>();
  let rolledBack = -1;
  for (const [i, { record }] of history.entries()) {
    const { action, champion, previous } = record;
    const to = places.get(champion.manifest) ?? i;
    bad.delete(champion.manifest);
    rolledBack = to;
    if (action === 'publish' || previous === null) continue;
    // The record that published it may be damaged: then it came just before this one.
    const from = places.get(previous.manifest) ?? i;
    if (to > from) continue;
    // A move back leaves behind what was published between the two as well.
    for (const [manifest, place] of places) if (place > to && place <= from) bad.add(manifest);
    rolledBack = from;
  }
  const isTarget = ({ record: { champion } }: VerifiedRecord, i: number): boolean =>
    i < rolledBack &&
    places.get(champion.manifest) === i &&
    !bad.has(champion.manifest) &&
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
