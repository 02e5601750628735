import type { PartitionManifest } from '../contracts/index.ts';
import type { DayKey } from '../core/index.ts';
import { type GenerationFolder, type ObjectStore, partitionPrefix } from '../store/index.ts';
import type { BackfillState } from './backfill/records.ts';
import type { Difference } from './verify.ts';

const MEND =
  'Restore the manifest from a backup; files without one may be of a build that was killed: run its command again.';

/** From the upload of a generation's last file to its manifest it takes less than this. */
const UPLOAD_MS = 60_000;

/** Something that tells of a generation of a day: it must have a manifest. */
export interface Claim {
  readonly day: string;
  readonly generation: number;
  readonly by: string;
}

/** Generations that backfills made, and one more where they were undone since. */
export function claimsOf(backfills: readonly BackfillState[]): Claim[] {
  return backfills.flatMap(({ plan, days, isUndone }) =>
    days.flatMap(({ day, generation }) => [
      { day, generation, by: `made by backfill ${plan.id}` },
      ...(isUndone ? [{ day, generation: generation + 1, by: `undone: backfill ${plan.id}` }] : []),
    ]),
  );
}

/** Files without a manifest: their build was killed, or their manifest was deleted. */
export async function claimsOfFiles(
  store: ObjectStore,
  folders: readonly GenerationFolder[],
  nowMs: number,
): Promise<Claim[]> {
  const claims: Claim[] = [];
  for (const { day, generation, manifest, files } of folders) {
    if (manifest !== null || files.length === 0) continue;
    const written = await Promise.all(files.map((key) => store.modifiedMs(key)));
    if (Math.max(...written) > nowMs - UPLOAD_MS) continue;
    claims.push({ day, generation, by: `${String(files.length)} files of it` });
  }
  return claims;
}

/**
 * The generations that make a day what it is: the newest, the one whose files it names after an undo,
 * and those whose rows they took over, down to the first.
 * @param manifests by generation; those that cannot be believed are not there
 * @param newest undefined when the day is withdrawn: then there are none
 * @returns undefined where a manifest on the way is not there, so that nobody can tell
 */
export function generationsInUse(
  manifests: ReadonlyMap<number, PartitionManifest>,
  newest: number | undefined,
): ReadonlySet<number> | undefined {
  const used = new Set<number>();
  const open = newest === undefined ? [] : [newest];
  for (let generation = open.pop(); generation !== undefined; generation = open.pop()) {
    if (used.has(generation)) continue;
    const inputs = manifests.get(generation)?.inputs;
    if (inputs === undefined) return undefined;
    used.add(generation);
    for (const below of [inputs.base?.generation, inputs.restored])
      if (typeof below === 'number') open.push(below);
  }
  return used;
}

/**
 * The generations of a day of which something tells, but no manifest is there. They are numbered from 1
 * without a hole.
 */
export function missingGenerations(
  day: DayKey,
  folders: readonly GenerationFolder[],
  claims: readonly Claim[],
): Difference[] {
  const marked = folders.filter((one) => one.day === day && one.manifest !== null);
  const present = new Set(marked.map(({ generation }) => generation));
  const told = claims.filter((claim) => claim.day === day);
  const known = [...marked, ...told].map(({ generation }) => generation).sort((a, b) => a - b);
  const differences: Difference[] = [];
  for (let generation = 1; generation <= (known.at(-1) ?? 0); generation++) {
    if (present.has(generation)) continue;
    const own = told.filter((claim) => claim.generation === generation).map(({ by }) => by);
    const after = `generation ${String(known.find((n) => n > generation))} after it`;
    differences.push({
      what: `${partitionPrefix(day, generation)}manifest.json`,
      found: 'none',
      recorded: own.length > 0 ? own.join('; ') : after,
      mend: MEND,
    });
  }
  return differences;
}
