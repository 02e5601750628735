import { VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';

/** A JSON object of a store; undefined when it is not there. @throws VamoError STORE_CORRUPT */
export async function readIfThere<T>(
  store: ObjectStore,
  key: string,
  parse: (json: unknown) => T,
): Promise<T | undefined> {
  if (!(await store.has(key))) return undefined;
  try {
    return parse(JSON.parse(Buffer.from(await store.get(key)).toString()));
  } catch (cause) {
    throw new VamoError('STORE_CORRUPT', `${key} is not readable`, { details: { key }, cause });
  }
}
