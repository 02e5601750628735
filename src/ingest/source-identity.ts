import type { SourceIdentity } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import { type ObjectStore, recordedSource, recordGrowth, recordSource } from '../store/index.ts';

const MEND_FILES =
  'Put them back as they were. More files are taken in by `vamo backfill --files PATTERN --mapping NAME`, or into another data directory.';
const ANOTHER = 'a topic of another cluster is another source: use another data directory.';
const NEVER_FEWER =
  'A topic never loses partitions: this is another one of its name. Use another data directory.';

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

/** Where a mend beside another data directory is likely. */
function mendOf(field: string, known: SourceIdentity, found: SourceIdentity): string | undefined {
  if (found.kind === 'file' && field === 'id')
    return 'Correct `source.directory`; another log is another source: use another data directory.';
  if (found.kind !== 'kafka') return undefined;
  if (field === 'id') return `Correct \`source.kafka.brokers\`; ${ANOTHER}`;
  if (field !== 'partitions') return undefined;
  if (found.partitions < known.partitions) return NEVER_FEWER;
  return `If the topic was given more partitions: \`vamo ingest --accept-partitions ${found.partitions}\`.`;
}

function sourceChanged(
  field: 'kind' | 'id' | 'topic' | 'partitions',
  known: SourceIdentity,
  found: SourceIdentity,
): VamoError {
  const mend = mendOf(field, known, found);
  return new VamoError(
    'INGEST_SOURCE_CHANGED',
    `${field}: the source has ${found[field]}, this data directory was filled from ${known[field]}`,
    {
      details: { field, found: found[field], recorded: known[field] },
      ...(mend === undefined ? {} : { mend }),
    },
  );
}

/**
 * The earliest offsets of the partitions that were known stay what they were. One that was added since
 * began at 0: what is no longer there of it was never read.
 */
function grownFrom(known: SourceIdentity, found: SourceIdentity): SourceIdentity {
  const starts = Array.from({ length: found.partitions }, (_, p) =>
    p < known.partitions ? (known.starts?.[p] ?? null) : 0,
  );
  return { ...known, partitions: found.partitions, starts };
}

/**
 * Holds a source against the one that the data directory was filled from first. The first ingester of a
 * topic records it: only then is known where the partitions began. Others are recorded by `keepSource`.
 * @param accepted the number of partitions that a topic was given since and that are taken from now on
 * @returns what is recorded, or to be
 * @throws VamoError INGEST_SOURCE_CHANGED naming what differs; STORE_CORRUPT
 */
export async function checkSource(
  store: ObjectStore,
  found: SourceIdentity,
  accepted?: number,
): Promise<SourceIdentity> {
  let known = await recordedSource(store);
  if (known === undefined && found.kind !== 'kafka') return found;
  if (known === undefined) {
    await recordSource(store, found);
    known = (await recordedSource(store)) ?? found;
  }
  if (known.kind === 'files' && found.kind === 'files' && known.id !== found.id)
    throw filesChanged(known, found);
  for (const field of ['kind', 'id', 'topic'] as const)
    if (known[field] !== found[field]) throw sourceChanged(field, known, found);
  const isGrowth = found.kind === 'kafka' && found.partitions > known.partitions;
  if (isGrowth && found.partitions === accepted) {
    await recordGrowth(store, known, grownFrom(known, found));
    known = (await recordedSource(store)) ?? known;
  }
  if (known.partitions !== found.partitions) throw sourceChanged('partitions', known, found);
  return known;
}

/**
 * Records a source that is no topic, once something of it is to be committed: of several the first stands.
 * @throws VamoError INGEST_SOURCE_CHANGED when another one stands; STORE_CORRUPT
 */
export async function keepSource(store: ObjectStore, found: SourceIdentity): Promise<void> {
  if (found.kind === 'kafka') return;
  await recordSource(store, found);
  await checkSource(store, found);
}
