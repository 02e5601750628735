import { EVENT_COLUMNS, type PartitionManifest } from '../contracts/index.ts';
import { isVamoError, VamoError } from '../core/index.ts';
import {
  type ColumnFile,
  columnsDigest,
  type ObjectStore,
  openColumnFile,
  STEPS_FILE_COLUMNS,
  verifiedFile,
} from '../store/index.ts';

/** Something that is not as recorded. */
export interface Difference {
  readonly what: string;
  readonly found: number | string;
  readonly recorded: number | string;
  readonly mend: string;
}

const RESTORE =
  'Restore the file from a backup, or make the day anew by `vamo backfill --mode replace`.';

/**
 * A generation's files against its manifest: sizes, file digests, row counts, content digests, and
 * that the counts add up. What differs; nothing when all is as it was sealed.
 */
export async function checkFiles(
  store: ObjectStore,
  manifest: PartitionManifest,
): Promise<Difference[]> {
  const { counts } = manifest;
  const differences = differing([
    [
      `records of ${manifest.day}`,
      counts.accepted + counts.duplicate + counts.late + counts.dead_lettered,
      counts.records,
    ],
  ]);
  for (const file of manifest.files) {
    try {
      differences.push(...differing(await partsOf(store, manifest, file)));
    } catch (error) {
      if (!isVamoError(error, 'STORE_CORRUPT')) throw error;
      const recorded = sizeAndDigest(file.bytes, file.sha256);
      differences.push({ what: file.key, found: foundOf(error, file), recorded, mend: RESTORE });
    }
  }
  return differences;
}

const sizeAndDigest = (bytes: number, digest: string): string =>
  `${String(bytes)} bytes with digest ${digest.slice(0, 12)}`;

/** What is there in place of a file that cannot be believed; it is named beside it. */
function foundOf({ details, message }: VamoError, { key }: SealedFile): string {
  const { found, bytes } = details;
  if (found === null) return 'none';
  if (typeof found === 'string') return sizeAndDigest(Number(bytes), found);
  return message.replace(`${key}: `, '');
}

type Comparison = readonly [what: string, found: number | string, recorded: number | string];

type SealedFile = PartitionManifest['files'][number];

/** Read in pieces: a file may be larger than what one process can hold. */
async function partsOf(
  store: ObjectStore,
  manifest: PartitionManifest,
  file: SealedFile,
): Promise<Comparison[]> {
  const { path, bytes } = await verifiedFile(store, file);
  const columns = await openColumnFile(path, file.key);
  try {
    return [
      [`bytes of ${file.key}`, bytes, file.bytes],
      [`rows of ${file.key}`, columns.rows, file.rows],
      ...contentDigest(manifest, file, columns),
    ];
  } finally {
    columns.close();
  }
}

function contentDigest(
  { digest, stepsDigest }: PartitionManifest,
  { role, key }: SealedFile,
  file: ColumnFile,
): Comparison[] {
  if (role === 'rewards') return [];
  const [columns, recorded] =
    role === 'events' ? [EVENT_COLUMNS, digest] : [STEPS_FILE_COLUMNS, stepsDigest];
  return [[`digest of ${key}`, columnsDigest(file, columns, key), recorded]];
}

/** Those of which the two are not equal. */
export const differing = (comparisons: readonly Comparison[], mend = RESTORE): Difference[] =>
  comparisons.flatMap(([what, found, recorded]) =>
    found === recorded ? [] : [{ what, found, recorded, mend }],
  );

/** @throws VamoError STORE_CORRUPT naming the first thing that differs; see `checkFiles` */
export async function verifyDay(store: ObjectStore, manifest: PartitionManifest): Promise<void> {
  const [first] = await checkFiles(store, manifest);
  if (first === undefined) return;
  const { what, found, recorded, mend } = first;
  throw new VamoError('STORE_CORRUPT', `${what}: found ${found}, recorded ${recorded}`, {
    details: { what, found, recorded },
    mend,
  });
}
