import { randomUUID } from 'node:crypto';
import type { Dirent } from 'node:fs';
import {
  access,
  copyFile,
  link,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '../core/index.ts';
import { makeFolder, syncFolder, writeDurably } from './durable-file.ts';
import type { ObjectStore } from './object-store.ts';
import { storeError } from './store-error.ts';
import { notFound, validFolder, validKey } from './store-key.ts';

/** Unfinished files live in one hidden folder, so that no listing ever sees one. */
const TEMPORARY = '.tmp';

const isSystem = (error: unknown, code: string): boolean => systemCode(error) === code;

/**
 * An object store in a local directory. Every write is temp file, fsync, then rename or link, then
 * fsync of the folder: a kill or power cut at any moment leaves the old object, the new one or none.
 * @throws VamoError STORE_FULL (the temp file is removed), STORE_IO, STORE_NOT_FOUND
 */
export async function openDirectoryStore(root: string): Promise<ObjectStore> {
  const base = resolve(root);
  const pathOf = (key: string): string => join(base, validKey(key));
  const has = (key: string): Promise<boolean> =>
    access(pathOf(key)).then(
      () => true,
      () => false,
    );
  await makeFolder(join(base, TEMPORARY)).catch((error: unknown) => {
    throw storeError(error, `cannot open ${base}`);
  });

  /** Writes a temp file, then lets `place` give it its name. */
  async function create<T>(
    key: string,
    bytes: Uint8Array,
    place: (temporary: string, path: string) => Promise<T>,
  ): Promise<T> {
    const path = pathOf(key);
    const temporary = join(base, TEMPORARY, randomUUID());
    try {
      await makeFolder(dirname(path));
      await writeDurably(temporary, bytes);
      const result = await place(temporary, path);
      await syncFolder(dirname(path));
      return result;
    } catch (error) {
      throw storeError(error, `cannot write ${key}`);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  return {
    put: (key, bytes) => create(key, bytes, rename),
    putIfAbsent: (key, bytes) =>
      create(key, bytes, async (temporary, path) => {
        try {
          await link(temporary, path);
          return true;
        } catch (error) {
          if (isSystem(error, 'EEXIST')) return false;
          throw error;
        }
      }),
    async adopt(key, source) {
      const path = pathOf(key);
      try {
        await makeFolder(dirname(path));
        await syncFolder(source);
        await rename(source, path).catch((error: unknown) => adoptAcross(error, source, path));
        await syncFolder(dirname(path));
      } catch (error) {
        throw storeError(error, `cannot adopt ${source} as ${key}`);
      }
    },
    async get(key) {
      try {
        return await readFile(pathOf(key));
      } catch (error) {
        if (isSystem(error, 'ENOENT')) throw notFound(key, base);
        throw storeError(error, `cannot read ${key}`);
      }
    },
    has,
    async list(prefix, after = '') {
      return (await listKeys(base, validFolder(prefix))).filter((key) => key > after);
    },
    async folders(prefix) {
      const found = await readFolder(base, validFolder(prefix));
      return found
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort();
    },
    async remove(key) {
      await rm(pathOf(key), { force: true }).catch((error: unknown) => {
        throw storeError(error, `cannot remove ${key}`);
      });
    },
    async modifiedMs(key) {
      try {
        return (await stat(pathOf(key))).mtimeMs;
      } catch (error) {
        if (isSystem(error, 'ENOENT')) throw notFound(key, base);
        throw storeError(error, `cannot look at ${key}`);
      }
    },
    async localFile(key) {
      if (!(await has(key))) throw notFound(key, base);
      return pathOf(key);
    },
  };

  /** A rename between file systems is not possible: copy beside the target first. */
  async function adoptAcross(error: unknown, source: string, path: string): Promise<void> {
    if (!isSystem(error, 'EXDEV')) throw error;
    const temporary = join(base, TEMPORARY, randomUUID());
    try {
      await copyFile(source, temporary);
      await syncFolder(temporary);
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
    await rm(source);
  }
}

async function listKeys(base: string, prefix: string): Promise<string[]> {
  return (await readFolder(base, prefix, { recursive: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(base.length + 1))
    .sort();
}

async function readFolder(
  base: string,
  prefix: string,
  options: { readonly recursive?: boolean } = {},
): Promise<Dirent[]> {
  try {
    return await readdir(join(base, prefix), { ...options, withFileTypes: true });
  } catch (error) {
    if (isSystem(error, 'ENOENT')) return [];
    throw storeError(error, `cannot list ${prefix}`);
  }
}

/** Removes unfinished files that writers killed before the given time (ms) left behind. */
export async function removeAbandoned(root: string, beforeMs: number): Promise<number> {
  const folder = join(resolve(root), TEMPORARY);
  let removed = 0;
  for (const name of await readdir(folder).catch(() => [] as string[])) {
    const file = await open(join(folder, name), 'r').catch(() => undefined);
    if (file === undefined) continue;
    const { mtimeMs } = await file.stat();
    await file.close();
    if (mtimeMs >= beforeMs) continue;
    await rm(join(folder, name), { force: true });
    removed += 1;
  }
  return removed;
}
