import { EVENT_COLUMNS, type PartitionManifest } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import {
  type ObjectStore,
  STEPS_FILE_COLUMNS,
  columnsDigest,
  openColumns,
  readPartitionFile,
} from '../store/index.ts';

/**
 * Checks a sealed day's files against its manifest: sizes, file digests, row counts, content
 * digests, and that the counts add up.
 * @throws VamoError STORE_CORRUPT naming what differs
 */
export async function verifyDay(store: ObjectStore, manifest: PartitionManifest): Promise<void> {
  const { counts } = manifest;
  expectEqual(
    `records of ${manifest.day}`,
    counts.accepted + counts.duplicate + counts.late + counts.dead_lettered,
    counts.records,
  );
  for (const file of manifest.files) {
    const bytes = await readPartitionFile(store, manifest, file.role);
    expectEqual(`bytes of ${file.key}`, bytes.byteLength, file.bytes);
    expectEqual(`rows of ${file.key}`, openColumns(bytes, file.key).rows, file.rows);
    if (file.role === 'rewards') continue;
    const [columns, digest] =
      file.role === 'events'
        ? [EVENT_COLUMNS, manifest.digest]
        : [STEPS_FILE_COLUMNS, manifest.stepsDigest];
    expectEqual(`digest of ${file.key}`, columnsDigest(bytes, columns, file.key), digest);
  }
}

function expectEqual(what: string, found: number | string, recorded: number | string): void {
  if (found !== recorded)
    throw new VamoError('STORE_CORRUPT', `${what}: found ${found}, recorded ${recorded}`, {
      details: { what, found, recorded },
    });
}
