import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';

const KEY = 'identity.json';

const dataIdentity = z.looseObject({
  schema: z.literal('identity/v1'),
  id: z.string().min(1),
  place: z.string(),
});

/** Tells one data directory from another. */
interface DataIdentity {
  /** Made at random once; copies of a directory share it. */
  readonly id: string;
  /** Where it was then, for people. */
  readonly place: string;
}

/** Who a data directory is; undefined before anybody asked. @throws VamoError STORE_CORRUPT */
export async function findIdentity(store: ObjectStore): Promise<DataIdentity | undefined> {
  if (!(await store.has(KEY))) return undefined;
  try {
    const { id, place } = dataIdentity.parse(
      JSON.parse(Buffer.from(await store.get(KEY)).toString()),
    );
    return { id, place };
  } catch (cause) {
    throw new VamoError('STORE_CORRUPT', `${KEY} does not name a data directory`, {
      details: { key: KEY },
      cause,
    });
  }
}

/** As `findIdentity`; the first who asks makes it. @throws VamoError STORE_CORRUPT, STORE_FULL, STORE_IO */
export async function ensureIdentity(store: ObjectStore, place: string): Promise<DataIdentity> {
  const known = await findIdentity(store);
  if (known !== undefined) return known;
  const made = { id: randomUUID(), place };
  const bytes = Buffer.from(`${JSON.stringify({ schema: 'identity/v1', ...made })}\n`);
  if (await store.putIfAbsent(KEY, bytes)) return made;
  return (await findIdentity(store)) ?? made;
}
