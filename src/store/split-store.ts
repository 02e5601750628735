import type { ObjectStore } from './object-store.ts';

/**
 * What one host alone uses: its configuration, training runs, models and releases, its fleet, what it
 * simulates, and the locks of the roles that work on these.
 */
const OWN =
  /^(config\.json|simulation\.json|(runs|models|releases|keys|fleet|truth)(\/|$)|locks\/(trainer|simulator|bidder-[^/]*)(\/|$))/;

/**
 * A data set that several hosts share, and the part of a data directory that stays one host's own.
 * A key belongs to one of the two by its name; what is not known to be a host's own is shared.
 */
export function splitStore(own: ObjectStore, shared: ObjectStore): ObjectStore {
  const of = (key: string): ObjectStore => (OWN.test(key) ? own : shared);
  return {
    put: (key, bytes) => of(key).put(key, bytes),
    putIfAbsent: (key, bytes) => of(key).putIfAbsent(key, bytes),
    adopt: (key, path) => of(key).adopt(key, path),
    get: (key) => of(key).get(key),
    has: (key) => of(key).has(key),
    list: (prefix, after) => of(prefix).list(prefix, after),
    folders: (prefix) => of(prefix).folders(prefix),
    remove: (key) => of(key).remove(key),
    modifiedMs: (key) => of(key).modifiedMs(key),
    localFile: (key) => of(key).localFile(key),
  };
}
