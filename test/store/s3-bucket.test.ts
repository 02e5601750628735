import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bucket, openBucket } from '../../src/store/index.ts';
import { type S3Server, startS3Server } from '../helpers/s3-server.ts';

let folder: string;
let server: S3Server;
let bucket: Bucket;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vamo-bucket-'));
  server = await startS3Server();
  bucket = openBucket(
    {
      kind: 's3',
      endpoint: server.endpoint,
      region: 'us-east-1',
      bucket: 'bucket',
      prefix: '',
      pathStyle: true,
    },
    {
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
      retry: { attempts: 3, pauseMs: 2, maxPauseMs: 5 },
    },
  );
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const KEYS = [
  'logs/100% of it.txt',
  'logs/a&b<c>.gz',
  'logs/day=2026-01-05/x.parquet',
  'logs/é/z',
  'logs2',
];

describe('a bucket that others fill', () => {
  it('is listed over pages by what keys begin with, and copied whatever their names', async () => {
    for (const key of [...KEYS, 'other']) server.objects.set(key, Buffer.from(`of ${key}`));
    const found = await bucket.list('logs');
    expect(found.map(({ key }) => key)).toEqual(KEYS);
    const path = join(folder, 'copy');
    for (const object of found) {
      expect(object.bytes).toBe(Buffer.byteLength(`of ${object.key}`));
      expect(await bucket.copy(object, path)).toBe(true);
      expect(await readFile(path, 'utf8')).toBe(`of ${object.key}`);
    }
  });

  it('gives no object that changed or is gone since it was listed', async () => {
    server.objects.set('a', Buffer.from('before'));
    const [listed] = await bucket.list('a');
    server.objects.set('a', Buffer.from('behind'));
    expect(await bucket.copy(listed!, join(folder, 'copy'))).toBe(false);
    server.objects.delete('a');
    expect(await bucket.copy(listed!, join(folder, 'copy'))).toBe(false);
  });

  it('is asked again when an object came in part', async () => {
    server.objects.set('a', Buffer.alloc(1000, 'x'));
    const [listed] = await bucket.list('a');
    server.faults.push({ kind: 'torn' }, { kind: 'answer', status: 503 });
    const path = join(folder, 'copy');
    expect(await bucket.copy(listed!, path)).toBe(true);
    expect(await readFile(path)).toEqual(Buffer.alloc(1000, 'x'));
  });
});
