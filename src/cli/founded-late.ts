import type { ObjectStore } from '../store/index.ts';
import { emptyStore, exists } from './empty-store.ts';

/**
 * The store of a data directory that the first write founds: a command that finds its source wrong leaves
 * none. As soon as somebody has founded it, it is read.
 */
export function foundedLate(root: string, found: () => Promise<ObjectStore>): ObjectStore {
  const empty = emptyStore(root);
  let founded: Promise<ObjectStore> | undefined;
  const toWrite = (): Promise<ObjectStore> => (founded ??= found());
  const toRead = async (): Promise<ObjectStore> =>
    founded !== undefined || (await exists(root)) ? toWrite() : empty;
  return {
    put: async (key, bytes) => (await toWrite()).put(key, bytes),
    putIfAbsent: async (key, bytes) => (await toWrite()).putIfAbsent(key, bytes),
    adopt: async (key, path) => (await toWrite()).adopt(key, path),
    get: async (key) => (await toRead()).get(key),
    has: async (key) => (await toRead()).has(key),
    list: async (prefix, after) => (await toRead()).list(prefix, after),
    folders: async (prefix) => (await toRead()).folders(prefix),
    remove: async (key) => (await toRead()).remove(key),
    modifiedMs: async (key) => (await toRead()).modifiedMs(key),
    localFile: async (key) => (await toRead()).localFile(key),
  };
}
