import { VamoError } from '../../src/core/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';

/** Objects in a map: what a store does when nothing goes wrong. Not for files. */
export function memoryStore(objects = new Map<string, Uint8Array>()): ObjectStore {
  const noFiles = (): Promise<never> => Promise.reject(new Error('no files in memory'));
  return {
    put: (key, bytes) => Promise.resolve(void objects.set(key, Buffer.from(bytes))),
    putIfAbsent(key, bytes) {
      const isNew = !objects.has(key);
      if (isNew) objects.set(key, Buffer.from(bytes));
      return Promise.resolve(isNew);
    },
    get(key) {
      const bytes = objects.get(key);
      if (bytes !== undefined) return Promise.resolve(bytes);
      return Promise.reject(new VamoError('STORE_NOT_FOUND', key));
    },
    has: (key) => Promise.resolve(objects.has(key)),
    list: (prefix, after = '') =>
      Promise.resolve(
        [...objects.keys()].filter((k) => k.startsWith(`${prefix}/`) && k > after).sort(),
      ),
    folders: (prefix) => {
      const names = [...objects.keys()].flatMap((key) => {
        const [name, ...below] = key.slice(prefix.length + 1).split('/');
        return key.startsWith(`${prefix}/`) && name && below.length > 0 ? [name] : [];
      });
      return Promise.resolve([...new Set(names)].sort());
    },
    remove: (key) => Promise.resolve(void objects.delete(key)),
    modifiedMs: () => Promise.resolve(0),
    adopt: noFiles,
    localFile: noFiles,
  };
}
