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

/**
 * The source a data directory belongs to is fixed by the first ingester.
 * @throws VamoError INGEST_SOURCE_CHANGED naming what differs; STORE_CORRUPT
 */
export async function checkSource(store: ObjectStore, found: SourceIdentity): Promise<void> {
  const key = 'source.json';
  const bytes = Buffer.from(`${JSON.stringify(found)}\n`);
  if (!(await store.has(key)) && (await store.putIfAbsent(key, bytes))) return;
  const known = readIdentity(Buffer.from(await store.get(key)).toString(), key);
  for (const field of ['kind', 'id', 'topic', 'partitions'] as const)
    if (known[field] !== found[field])
      throw new VamoError(
        'INGEST_SOURCE_CHANGED',
        `${field}: the source has ${found[field]}, this data directory was filled from ${known[field]}`,
        { details: { field, found: found[field], recorded: known[field] } },
      );
}
