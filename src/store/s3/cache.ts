import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { makeFolder, syncFolder } from '../durable-file.ts';
import { withCode } from './request.ts';

/** Copies of objects on this host, each a file of the object's key. */
export interface FileCache {
  /**
   * The file of a key; `download` fetches what is not there. Two that ask at once may both download:
   * whoever ends last gives the file its name, and both are the same.
   */
  file(
    key: string,
    download: (into: (body: IncomingMessage) => Promise<void>) => Promise<void>,
  ): Promise<string>;
  /** The object is another now, or gone. */
  drop(key: string): Promise<void>;
  /** Removes copies not asked for since the given time (ms). */
  prune(beforeMs: number): Promise<void>;
}

const UNFINISHED = '.tmp';

/** Writes an answer's body into a file and answers its length. Rejects when the body is not whole. */
export async function saveBody(body: IncomingMessage, path: string): Promise<number> {
  await pipeline(body, createWriteStream(path));
  const { size } = await stat(path);
  const announced = body.headers['content-length'];
  if (announced !== undefined && Number(announced) !== size)
    throw withCode(`${size} of ${announced} bytes came`, 'ECONNRESET');
  return size;
}

export function createFileCache(folder: string): FileCache {
  const pathOf = (key: string): string => join(folder, key);

  return {
    async file(key, download) {
      const path = pathOf(key);
      const now = new Date();
      const isThere = await utimes(path, now, now).then(
        () => true,
        () => false,
      );
      if (isThere) return path;
      const unfinished = join(folder, UNFINISHED, randomUUID());
      await makeFolder(dirname(unfinished));
      await makeFolder(dirname(path));
      try {
        await download(async (body) => {
          await saveBody(body, unfinished);
          await syncFolder(unfinished);
        });
        await rename(unfinished, path);
      } finally {
        await rm(unfinished, { force: true });
      }
      return path;
    },
    drop: (key) => rm(pathOf(key), { force: true }),
    async prune(beforeMs) {
      const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
      for (const entry of found) {
        if (!entry.isFile()) continue;
        const path = join(entry.parentPath, entry.name);
        const mtimeMs = await stat(path).then(
          (file) => file.mtimeMs,
          () => Infinity,
        );
        if (mtimeMs < beforeMs) await rm(path, { force: true });
      }
    },
  };
}
