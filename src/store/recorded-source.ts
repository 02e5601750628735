import { sourceIdentity, type SourceIdentity } from '../contracts/index.ts';
import type { ObjectStore } from './object-store.ts';
import { readIfThere } from './read-if-there.ts';

const FIRST_KEY = 'source.json';
const GROWTH = 'source';

const bytesOf = (source: SourceIdentity): Buffer => Buffer.from(`${JSON.stringify(source)}\n`);

/**
 * The source a data directory is filled from, with the partitions it has by now; undefined before the
 * first ingest.
 * @throws VamoError STORE_CORRUPT
 */
export async function recordedSource(store: ObjectStore): Promise<SourceIdentity | undefined> {
  const newest = (await store.list(GROWTH)).at(-1);
  return readIfThere(store, newest ?? FIRST_KEY, (json) => sourceIdentity.parse(json));
}

/** Records the source of a directory that has none yet: of several at once the first one's stands. */
export async function recordSource(store: ObjectStore, found: SourceIdentity): Promise<void> {
  await store.putIfAbsent(FIRST_KEY, bytesOf(found));
}

/**
 * Records that a source has more partitions. Like a ledger's entry a growth is named by the number it goes
 * on from and created only if absent: of two that go on from one number the first stands, and numbers
 * only rise.
 */
export async function recordGrowth(
  store: ObjectStore,
  known: SourceIdentity,
  grown: SourceIdentity,
): Promise<void> {
  const key = `${GROWTH}/${String(known.partitions).padStart(6, '0')}.json`;
  await store.putIfAbsent(key, bytesOf(grown));
}
