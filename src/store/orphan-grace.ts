import type { ObjectStore } from './object-store.ts';

const FOLDER = 'orphan-grace';

/**
 * Records the grace period (ms) that a writer goes by, before it writes. Each period has a key of its own,
 * so that writers which begin at once do not hide one another's.
 */
export async function keepOrphanGrace(store: ObjectStore, graceMs: number): Promise<void> {
  await store.putIfAbsent(`${FOLDER}/${graceMs}`, Buffer.from('\n'));
}

/** The longest grace period (ms) among one's own and those that writers of this data went by. */
export async function longestOrphanGrace(store: ObjectStore, ownMs: number): Promise<number> {
  const kept = (await store.list(FOLDER)).map((key) => Number(key.slice(FOLDER.length + 1)));
  return Math.max(ownMs, ...kept.filter((ms) => Number.isSafeInteger(ms)));
}
