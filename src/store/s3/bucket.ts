import type { S3Settings } from '../../contracts/index.ts';
import { saveBody } from './cache.ts';
import { type ClientOptions, createAsk } from './client.ts';
import { listAll, type ListedObject } from './listing.ts';

/** Objects in a bucket that others fill: any keys, read only. */
export interface Bucket {
  /** Those whose keys begin so, in byte order. */
  list(prefix: string): Promise<readonly ListedObject[]>;
  /**
   * Copies an object into a file. False when it is not what was listed any more: changed, or gone.
   * The file is then of no use.
   */
  copy(object: ListedObject, path: string): Promise<boolean>;
}

/**
 * @param settings with no prefix
 * @throws VamoError CONFIG_INVALID without credentials; every call: STORE_IO
 */
export function openBucket(settings: S3Settings, options: ClientOptions = {}): Bucket {
  const ask = createAsk(settings, options);
  return {
    list: async (prefix) => (await listAll(ask, { prefix, name: prefix })).objects,
    async copy({ key, bytes, etag }, path) {
      let saved = 0;
      const request = {
        method: 'GET',
        key,
        headers: { 'if-match': etag },
        async into(body) {
          saved = await saveBody(body, path);
        },
      } satisfies Parameters<typeof ask>[0];
      const answer = await ask(request, [200, 404, 412]);
      return answer.status === 200 && answer.etag === etag && saved === bytes;
    },
  };
}
