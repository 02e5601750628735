/**
 * Objects by key ('a/b/c', '/' separated, no '..'): a local directory or an S3-compatible service. Everything the
 * system persists goes through here. Keys are immutable once created with `putIfAbsent`.
 */
export interface ObjectStore {
  /** Writes durably and atomically (readers see all or nothing). Replaces what was there. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** True when this call created the key, false when it existed. Atomic and durable: the commit primitive. */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean>;
  /** Adopts a finished local file (fsync, then rename) under a key. The file is gone from `path` after. */
  adopt(key: string, path: string): Promise<void>;
  /** @throws VamoError STORE_NOT_FOUND */
  get(key: string): Promise<Uint8Array>;
  has(key: string): Promise<boolean>;
  /**
   * Keys below a prefix folder, in byte order, temporary files left out.
   * @param after only keys beyond this one: what a reader of a growing chain has not seen yet
   */
  list(prefix: string, after?: string): Promise<string[]>;
  /** Names of the folders that hold keys directly below a folder, in byte order; their keys are not listed. */
  folders(prefix: string): Promise<string[]>;
  remove(key: string): Promise<void>;
  /** When the object was written, ms, by the store's clock. @throws VamoError STORE_NOT_FOUND */
  modifiedMs(key: string): Promise<number>;
  /**
   * A local file with the object's bytes, for engines that open files; not to be changed.
   * @throws VamoError STORE_NOT_FOUND
   */
  localFile(key: string): Promise<string>;
}
