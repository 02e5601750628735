import { sourceIdentity, type SourceIdentity } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import type { ObjectStore } from '../store/index.ts';

function readIdentity(text: string, key: string): SourceIdentity {
  try {
    return sourceIdentity.parse(JSON.parse(text));
  } catch (error) {
    throw new VamoError('STORE_CORRUPT', `${key} does not name a source`, { cause: error });
  }
}

const MEND_FILES =
  'Put them back as they were. More files are taken in by `vamo backfill --files PATTERN --mapping NAME`, or into another data directory.';

/** What differs between files at rest: they are known by their contents, in the order of their paths. */
function filesChanged(known: SourceIdentity, found: SourceIdentity): VamoError {
  const at = found.ends?.findIndex((end, i) => end !== known.ends?.[i]) ?? -1;
  const which = at < 0 ? 'of the same lengths' : `the first that differs is file ${at + 1}`;
  const what =
    found.partitions === known.partitions
      ? `the contents of the ${found.partitions} files are others than at the first ingest (${which}, in the order of their paths)`
      : `there are ${found.partitions} files, at the first ingest there were ${known.partitions}`;
  return new VamoError('INGEST_SOURCE_CHANGED', `source.files: ${what}`, {
    details: { field: 'files', found: found.partitions, recorded: known.partitions },
    mend: MEND_FILES,
  });
}

/**
 * The source a data directory belongs to is fixed by the first ingester.
 * @throws VamoError INGEST_SOURCE_CHANGED naming what differs; STORE_CORRUPT
 */
export async function checkSource(store: ObjectStore, found: SourceIdentity): Promise<void> {
  const key = 'source.json';
  const bytes = Buffer.from(`${JSON.stringify(found)}\n`);
  if (!(await store.has(key)) && (await store.putIfAbsent(key, bytes))) return;
  const known = readIdentity(Buffer.from(await store.get(key)).toString(), key);
  if (known.kind === 'files' && found.kind === 'files' && known.id !== found.id)
    throw filesChanged(known, found);
  for (const field of ['kind', 'id', 'topic', 'partitions'] as const)
    if (known[field] !== found[field])
      throw new VamoError(
        'INGEST_SOURCE_CHANGED',
        `${field}: the source has ${found[field]}, this data directory was filled from ${known[field]}`,
        { details: { field, found: found[field], recorded: known[field] } },
      );
}
