import { TABLES, type TableName } from '../clickhouse/index.ts';
import type { PartitionManifest } from '../contracts/index.ts';
import { type DayKey, isVamoError } from '../core/index.ts';
import {
  fileFingerprint,
  findManifest,
  type Fingerprint,
  type ObjectStore,
  verifiedFile,
} from '../store/index.ts';
import type { CopiedDay, Held } from './read-copy.ts';
import { type Difference, differing } from './verify.ts';

const REBUILD = 'Run `vamo rebuild --day DAY`, or `--all` when more of the copy differs.';
const LOAD = 'Run `vamo clickhouse load`.';

/** What the copy holds of a day against the sealed files of a generation: rows, and their checksum. */
export async function checkCopy(
  store: ObjectStore,
  manifest: PartitionManifest,
  held: Held,
): Promise<Difference[]> {
  if (typeof held === 'string') return [unreadable(manifest.day, held)];
  const differences: Difference[] = [];
  for (const table of Object.keys(TABLES) as TableName[]) {
    const file = manifest.files.find(({ role }) => role === table);
    if (file === undefined) continue;
    const sealed = await sealedFingerprint(store, file, table);
    if (sealed === undefined) continue;
    const where = `${table} of ${manifest.day} in ClickHouse`;
    const comparisons = [
      [`rows of ${where}`, held[table].rows, file.rows],
      [`checksum of ${where}`, held[table].hash, sealed.hash],
    ] as const;
    differences.push(...differing(comparisons, REBUILD));
  }
  return differences;
}

const unreadable = (day: string, found: string): Difference => ({
  what: `${day} in ClickHouse`,
  found,
  recorded: 'rows that can be read',
  mend: REBUILD,
});

/** Undefined for a file that is not as it was sealed: `checkFiles` tells, and nothing equals it. */
async function sealedFingerprint(
  store: ObjectStore,
  file: PartitionManifest['files'][number],
  table: TableName,
): Promise<Fingerprint | undefined> {
  try {
    const { path } = await verifiedFile(store, file);
    return await fileFingerprint(path, TABLES[table].columns);
  } catch (error) {
    if (isVamoError(error, 'STORE_CORRUPT')) return undefined;
    throw error;
  }
}

/** How a day's copy stands to what is sealed. */
interface CopyCheck {
  readonly differences: readonly Difference[];
  /** What is not there yet: a difference only once nobody is about to load it. */
  readonly pending: Difference | null;
}

/**
 * The copy of a day against the generation that was loaded into it, which need not be the newest: that
 * one may just have been made.
 * @param newest undefined = the day is not sealed
 */
export async function checkCopied(
  store: ObjectStore,
  day: DayKey,
  newest: number | undefined,
  copied: CopiedDay | undefined,
): Promise<CopyCheck> {
  const none = { differences: [], pending: null };
  if (newest === undefined)
    return { ...none, pending: copied === undefined ? null : surplus(day, copied.generation) };
  const missing = notLoaded(day, newest, copied?.generation);
  if (copied === undefined) return { ...none, pending: missing };
  const { generation, held } = copied;
  if (typeof held === 'string') return { ...none, differences: [unreadable(day, held)] };
  const manifest = await findManifest(store, day, generation || newest).catch((error: unknown) => {
    // `checkFiles` tells, and nothing equals it.
    if (!isVamoError(error, 'STORE_CORRUPT')) throw error;
    return undefined;
  });
  const differences = manifest === undefined ? [] : await checkCopy(store, manifest, held);
  // Of no generation: whole all the same, or on its way.
  if (generation === 0) return { ...none, pending: differences.length > 0 ? missing : null };
  return { differences, pending: generation < newest ? missing : null };
}

/** A day that only the copy has. */
const surplus = (day: DayKey, generation: number): Difference => ({
  what: `${day} in ClickHouse`,
  found: generation === 0 ? 'rows of unknown origin' : `loaded from generation ${generation}`,
  recorded: 'no such day is sealed',
  mend: LOAD,
});

const notLoaded = (day: DayKey, newest: number, loaded = 0): Difference => ({
  what: `generation ${newest} of ${day} in ClickHouse`,
  found: loaded === 0 ? 'not loaded yet' : `not loaded yet, generation ${loaded} stands there`,
  recorded: 'sealed',
  mend: LOAD,
});
