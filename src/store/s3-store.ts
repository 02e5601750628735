import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import type { S3Settings } from '../contracts/index.ts';
import { isVamoError, VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';
import { refusal, type Settled } from './s3/calls.ts';
import { createFileCache } from './s3/cache.ts';
import { type ClientOptions, createAsk, placeOf } from './s3/client.ts';
import { listAll } from './s3/listing.ts';
import type { FileBody } from './s3/request.ts';
import { storeError } from './store-error.ts';
import { notFound, validFolder, validKey } from './store-key.ts';

export interface S3Options extends ClientOptions {
  /** Where copies of objects lie on this host. */
  readonly cacheFolder: string;
  /** Keys a page of a listing, at most 1000. */
  readonly pageKeys?: number;
}

/** An object store in a bucket, with what only this kind has. */
export interface S3Store extends ObjectStore {
  /** For people: `s3://bucket/prefix`. */
  readonly place: string;
  /** Removes local copies not asked for since the given time (ms). */
  pruneCache(beforeMs: number): Promise<void>;
}

/** A single PUT may hold no more. */
const MAX_BYTES = 5 * 2 ** 30;

/**
 * An object store in a bucket of an S3-compatible service. A write is durable and seen by every
 * reader once it returns, as such services promise. Passing failures (5xx, 429, time-outs, broken
 * connections) are retried; a conditional create whose answer got lost is read back.
 * @throws VamoError CONFIG_INVALID without credentials; every call: STORE_IO, STORE_FULL
 */
export function openS3Store(settings: S3Settings, options: S3Options): S3Store {
  const { pageKeys = 1000 } = options;
  const ask = createAsk(settings, options);
  const cache = createFileCache(options.cacheFolder);
  const place = placeOf(settings);
  const base = settings.prefix === '' ? '' : `${settings.prefix}/`;

  async function get(key: string): Promise<Uint8Array> {
    const answer = await ask({ method: 'GET', key: validKey(key) }, [200, 404]);
    if (answer.status === 404) throw missing(key, answer);
    return answer.bytes;
  }

  /** A bucket that is not there is no missing key. */
  function missing(key: string, answer: Settled): VamoError {
    const isBucket = Buffer.from(answer.bytes).includes('NoSuchBucket');
    return isBucket ? refusal({ method: 'GET', key }, answer) : notFound(key, place);
  }

  const listBelow = (
    folder: string,
    { after, isFlat = false }: { readonly after?: string | undefined; readonly isFlat?: boolean },
  ) =>
    listAll(ask, {
      prefix: `${base}${folder}/`,
      name: folder,
      after: after === undefined ? undefined : `${base}${after}`,
      isFlat,
      pageKeys,
    });

  async function holds(key: string, body: Uint8Array): Promise<boolean> {
    const found = await get(key).catch((error: unknown) => {
      if (isVamoError(error, 'STORE_NOT_FOUND')) return undefined;
      throw error;
    });
    return found !== undefined && Buffer.from(found).equals(body);
  }

  return {
    place,
    async put(key, body) {
      await ask({ method: 'PUT', key: validKey(key), body }, [200]);
      await cache.drop(key);
    },
    async putIfAbsent(key, body) {
      const request = { method: 'PUT', key: validKey(key), body } as const;
      const headers = { 'if-none-match': '*' };
      const { status, isAmbiguous } = await ask({ ...request, headers }, [200, 412]);
      if (status === 200) return true;
      // An earlier attempt may have come through unseen: then our own bytes stand there.
      return isAmbiguous && holds(key, body);
    },
    async adopt(key, path) {
      const body = await describeFile(path, key);
      await ask({ method: 'PUT', key: validKey(key), body }, [200]);
      await cache.drop(key);
      await rm(path);
    },
    get,
    async has(key) {
      return (await ask({ method: 'HEAD', key: validKey(key) }, [200, 404])).status === 200;
    },
    async list(prefix, after) {
      const { objects } = await listBelow(validFolder(prefix), { after });
      return objects.map(({ key }) => key.slice(base.length));
    },
    folders: async (prefix) => [
      ...(await listBelow(validFolder(prefix), { isFlat: true })).folders,
    ],
    async remove(key) {
      await ask({ method: 'DELETE', key: validKey(key) }, [200, 204, 404]);
      await cache.drop(key);
    },
    async modifiedMs(key) {
      const answer = await ask({ method: 'HEAD', key: validKey(key) }, [200, 404]);
      if (answer.status === 404) throw notFound(key, place);
      return answer.modifiedMs;
    },
    localFile: (key) =>
      cache
        .file(validKey(key), async (into) => {
          const answer = await ask({ method: 'GET', key, into }, [200, 404]);
          if (answer.status === 404) throw missing(key, answer);
        })
        .catch((error: unknown) => {
          throw storeError(error, `cannot copy ${key} to this host`);
        }),
    pruneCache: (beforeMs) => cache.prune(beforeMs),
  };
}

async function describeFile(path: string, key: string): Promise<FileBody> {
  try {
    const { size: bytes } = await stat(path);
    if (bytes > MAX_BYTES)
      throw new VamoError('STORE_IO', `${key}: ${bytes} bytes; one object may have ${MAX_BYTES}`, {
        details: { key, bytes },
        mend: 'Keep this data set in a directory: store.kind = "directory".',
      });
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return { path, bytes, sha256: hash.digest('hex') };
  } catch (error) {
    throw storeError(error, `cannot adopt ${path} as ${key}`);
  }
}
