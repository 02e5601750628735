import { VamoError } from '../core/index.ts';
import type { ObjectStore } from '../store/index.ts';

/** The store of a data directory that is not there: nothing is in it, and nothing comes into it. */
export function emptyStore(root: string): ObjectStore {
  const missing = (key: string): VamoError =>
    new VamoError('STORE_NOT_FOUND', `${key} is not in ${root}, which does not exist`, {
      details: { key, root },
    });
  const refuse = (key: string): Promise<never> => Promise.reject(missing(key));
  return {
    put: refuse,
    putIfAbsent: refuse,
    adopt: refuse,
    get: refuse,
    has: () => Promise.resolve(false),
    list: () => Promise.resolve([]),
    remove: () => Promise.resolve(),
    modifiedMs: refuse,
    localFile: refuse,
  };
}
