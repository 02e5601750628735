import { isVamoError, sha256, VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';

/**
 * Reads an object and compares it with its recorded digest.
 * @throws VamoError STORE_CORRUPT when it differs or is gone although something names it
 */
export async function readVerified(
  store: ObjectStore,
  ref: { readonly key: string; readonly sha256: string },
): Promise<Uint8Array> {
  const { key } = ref;
  const bytes = await store.get(key).catch((error: unknown) => {
    if (!isVamoError(error, 'STORE_NOT_FOUND')) throw error;
    throw new VamoError('STORE_CORRUPT', `${key} is recorded but missing`, { details: { key } });
  });
  const found = sha256(bytes);
  if (found !== ref.sha256)
    throw new VamoError(
      'STORE_CORRUPT',
      `${key}: ${bytes.byteLength} bytes with digest ${found.slice(0, 12)}, recorded ${ref.sha256.slice(0, 12)}`,
      { details: { key, found, recorded: ref.sha256 } },
    );
  return bytes;
}
