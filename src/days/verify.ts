import {
  createTables,
  dayFingerprint,
  type Engine,
  TABLES,
  type TableName,
} from '../clickhouse/index.ts';
import { EVENT_COLUMNS, type PartitionManifest } from '../contracts/index.ts';
import { dayKey, isVamoError, VamoError } from '../core/index.ts';
import {
  type Fingerprint,
  type ObjectStore,
  STEPS_FILE_COLUMNS,
  columnsDigest,
  columnsFingerprint,
  openColumns,
  readPartitionFile,
} from '../store/index.ts';

/** Something that is not as recorded. */
export interface Difference {
  readonly what: string;
  readonly found: number | string;
  readonly recorded: number | string;
}

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
      const bytes = await readPartitionFile(store, manifest, file.role);
      differences.push(
        ...differing([
          [`bytes of ${file.key}`, bytes.byteLength, file.bytes],
          [`rows of ${file.key}`, openColumns(bytes, file.key).rows, file.rows],
          ...contentDigest(manifest, file, bytes),
        ]),
      );
    } catch (error) {
      if (!isVamoError(error, 'STORE_CORRUPT')) throw error;
      differences.push({ what: file.key, found: error.message, recorded: file.sha256 });
    }
  }
  return differences;
}

type Comparison = readonly [what: string, found: number | string, recorded: number | string];

function contentDigest(
  { digest, stepsDigest }: PartitionManifest,
  { role, key }: PartitionManifest['files'][number],
  bytes: Uint8Array,
): Comparison[] {
  if (role === 'rewards') return [];
  const [columns, recorded] =
    role === 'events' ? [EVENT_COLUMNS, digest] : [STEPS_FILE_COLUMNS, stepsDigest];
  return [[`digest of ${key}`, columnsDigest(bytes, columns, key), recorded]];
}

const differing = (comparisons: readonly Comparison[]): Difference[] =>
  comparisons.flatMap(([what, found, recorded]) =>
    found === recorded ? [] : [{ what, found, recorded }],
  );

/** @throws VamoError STORE_CORRUPT naming the first thing that differs; see `checkFiles` */
export async function verifyDay(store: ObjectStore, manifest: PartitionManifest): Promise<void> {
  const [first] = await checkFiles(store, manifest);
  if (first === undefined) return;
  const { what, found, recorded } = first;
  throw new VamoError('STORE_CORRUPT', `${what}: found ${found}, recorded ${recorded}`, {
    details: { what, found, recorded },
  });
}

/**
 * The queryable copy of a day against its files: rows, and the sum of the rows' hashes.
 * @throws VamoError SQL_FAILED when the copy cannot be read at all
 */
export async function checkCopy(
  engine: Engine,
  store: ObjectStore,
  manifest: PartitionManifest,
): Promise<Difference[]> {
  const differences: Difference[] = [];
  for (const sql of createTables()) await engine.command(sql);
  for (const table of Object.keys(TABLES) as TableName[]) {
    const file = manifest.files.find(({ role }) => role === table);
    if (file === undefined) continue;
    const [held = { rows: 0, hash: '0' }] = await engine.query<Fingerprint>(
      dayFingerprint(table, dayKey(manifest.day)),
    );
    const sealed = await sealedFingerprint(store, manifest, table);
    if (sealed === undefined) continue;
    const where = `${table} of ${manifest.day} in ClickHouse`;
    differences.push(
      ...differing([
        [`rows of ${where}`, held.rows, file.rows],
        [`checksum of ${where}`, held.hash, sealed.hash],
      ]),
    );
  }
  return differences;
}

/** Undefined for a file that is not as it was sealed: `checkFiles` tells, and nothing equals it. */
async function sealedFingerprint(
  store: ObjectStore,
  manifest: PartitionManifest,
  table: TableName,
): Promise<Fingerprint | undefined> {
  try {
    const bytes = await readPartitionFile(store, manifest, table);
    return columnsFingerprint(bytes, TABLES[table].columns);
  } catch (error) {
    if (isVamoError(error, 'STORE_CORRUPT')) return undefined;
    throw error;
  }
}
