import type { ObjectStore } from './object-store.ts';

/**
 * A folder of a store as a store of its own: what works on a whole store (an ingester, its ledgers
 * and segments) then works inside the folder, and nobody outside sees it.
 */
export function prefixedStore(store: ObjectStore, folder: string): ObjectStore {
  const inside = (key: string): string => `${folder}/${key}`;
  return {
    put: (key, bytes) => store.put(inside(key), bytes),
    putIfAbsent: (key, bytes) => store.putIfAbsent(inside(key), bytes),
    adopt: (key, path) => store.adopt(inside(key), path),
    get: (key) => store.get(inside(key)),
    has: (key) => store.has(inside(key)),
    async list(prefix, after) {
      const keys = await store.list(inside(prefix), after === undefined ? after : inside(after));
      return keys.map((key) => key.slice(folder.length + 1));
    },
    folders: (prefix) => store.folders(inside(prefix)),
    remove: (key) => store.remove(inside(key)),
    modifiedMs: (key) => store.modifiedMs(inside(key)),
    localFile: (key) => store.localFile(inside(key)),
  };
}
