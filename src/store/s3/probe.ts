import { randomUUID } from 'node:crypto';
import { isVamoError, VamoError } from '../../core/index.ts';
import type { ObjectStore } from '../object-store.ts';

/** A service that looks and then writes lets two through now and then: so many races show it. */
const RACES = 4;
const RIVALS = 8;
/** Long enough that writes under way overlap. */
const BYTES = 16 * 1024;

/**
 * Finds out whether a store creates a key only if it is absent, which all commits rest on: of several
 * creates at once exactly one must succeed, a later one must not, and the winner's bytes must stand.
 * @throws VamoError STORE_UNFIT naming what it did instead; STORE_IO when it cannot be reached
 */
export async function probeConditionalCreate(store: ObjectStore, place: string): Promise<void> {
  const unfit = (what: string, cause?: unknown): VamoError =>
    new VamoError('STORE_UNFIT', `${place} ${what}`, { details: { place }, cause });
  try {
    await Promise.all(Array.from({ length: RACES }, () => race(store, unfit)));
  } catch (error) {
    // A service that does not know the condition says so: 501, or 400 for a header it cannot take.
    const status = isVamoError(error, 'STORE_IO') ? error.details['status'] : undefined;
    if (status === 501 || status === 400) throw unfit('refuses writes with If-None-Match', error);
    throw error;
  }
}

async function race(store: ObjectStore, unfit: (what: string) => VamoError): Promise<void> {
  const key = `probe/${randomUUID()}`;
  const bytesOf = (writer: number): Buffer => Buffer.alloc(BYTES, `${writer} of ${key}\n`);
  try {
    const writers = Array.from({ length: RIVALS }, (_, i) => store.putIfAbsent(key, bytesOf(i)));
    const won = (await Promise.all(writers)).flatMap((created, i) => (created ? [i] : []));
    const [winner] = won;
    if (winner === undefined || won.length > 1)
      throw unfit(`let ${won.length} of ${RIVALS} writers create one key`);
    if (await store.putIfAbsent(key, bytesOf(RIVALS)))
      throw unfit('let a key be created that was there already');
    if (!Buffer.from(await store.get(key)).equals(bytesOf(winner)))
      throw unfit('holds other bytes than those of the write it let through');
  } finally {
    await store.remove(key).catch(() => undefined);
  }
}
