import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LedgerEntry, S3Settings } from '../../src/contracts/index.ts';
import { openLedger } from '../../src/store/index.ts';
import { probeConditionalCreate } from '../../src/store/s3/probe.ts';
import { addressOf } from '../../src/store/s3/request.ts';
import { openS3Store, type S3Store } from '../../src/store/s3-store.ts';
import { type Fault, type S3Server, startS3Server } from '../helpers/s3-server.ts';

const IDLE_MS = 150;
let folder: string;
let server: S3Server;
let store: S3Store;

const settings = (over: Partial<S3Settings> = {}): S3Settings => ({
  kind: 's3',
  endpoint: server.endpoint,
  region: 'eu-central-1',
  bucket: 'bucket',
  prefix: 'team/set',
  pathStyle: true,
  ...over,
});
const open = (over: Partial<S3Settings> = {}): S3Store =>
  openS3Store(settings(over), {
    cacheFolder: join(folder, 'cache'),
    credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    retry: { attempts: 3, pauseMs: 2, maxPauseMs: 5 },
    idleMs: IDLE_MS,
  });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vamo-s3-'));
  server = await startS3Server();
  store = open();
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const bytes = (text: string): Uint8Array => Buffer.from(text);
const stored = (key: string): string | undefined =>
  server.objects.get(`team/set/${key}`)?.toString();

const PASSING: Record<string, Fault> = {
  'HTTP 500': { kind: 'answer', status: 500 },
  'HTTP 503 SlowDown': {
    kind: 'answer',
    status: 503,
    body: '<Error><Code>SlowDown</Code></Error>',
  },
  'HTTP 429': { kind: 'answer', status: 429 },
  'HTTP 409 of a rival write': { kind: 'answer', status: 409 },
  'a broken connection': { kind: 'reset', when: 'before' },
  'a broken connection after success': { kind: 'reset', when: 'after' },
  'a time-out': { kind: 'silent', when: 'before' },
  'a time-out after success': { kind: 'silent', when: 'after' },
};

describe('S3 store', () => {
  it('puts, replaces, lists in byte order page by page, and removes', async () => {
    const keys = ['a/B', 'a/b/10', 'a/b/2', 'a/c=1/x+y@z,w.arrow', 'a/z'];
    for (const key of [...keys].reverse()) await store.put(key, bytes(key));
    await store.put('ab/1', bytes('other folder'));
    expect(await store.list('a')).toEqual(keys);
    expect(await store.list('a/', 'a/b/10')).toEqual(keys.slice(2));
    expect(await store.list('nothing')).toEqual([]);
    for (const name of ['d', 'e', 'f']) await store.put(`a/${name}/1`, bytes(name));
    // More than a page of them, with keys between.
    expect(await store.folders('a')).toEqual(['b', 'c=1', 'd', 'e', 'f']);
    expect(await store.folders('a/b')).toEqual([]);
    await store.put('a/z', bytes('new'));
    expect(Buffer.from(await store.get('a/z')).toString()).toBe('new');
    expect(Buffer.from(await store.get(keys[3]!)).toString()).toBe(keys[3]);
    await store.remove('a/z');
    await store.remove('a/z');
    expect(await store.has('a/z')).toBe(false);
    expect(await store.has('a/B')).toBe(true);
    await expect(store.get('a/z')).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
    await expect(async () => store.put('../x', bytes(''))).rejects.toMatchObject({
      code: 'STORE_IO',
    });
  });

  it('sends again what the service waited for in vain', async () => {
    const body = '<Error><Code>RequestTimeout</Code></Error>';
    server.faults.push({ kind: 'answer', status: 400, body });
    await store.put('x', bytes('x'));
    expect(stored('x')).toBe('x');
  });

  it('creates a key once, however many try at the same time', async () => {
    const tries = Array.from({ length: 20 }, (_, i) => store.putIfAbsent('k/1', bytes(`w${i}`)));
    const won = (await Promise.all(tries)).flatMap((created, i) => (created ? [i] : []));
    expect(won).toHaveLength(1);
    expect(stored('k/1')).toBe(`w${won[0]!}`);
  });

  it.each(Object.keys(PASSING))('tries every call again after %s', async (name) => {
    const fault = PASSING[name]!;
    await store.put('old', bytes('old'));
    const calls: Record<string, () => Promise<unknown>> = {
      put: () => store.put('new', bytes('new')),
      putIfAbsent: () => store.putIfAbsent('once', bytes('once')),
      get: async () => Buffer.from(await store.get('old')).toString(),
      has: () => store.has('old'),
      list: () => store.list('folder'),
      localFile: async () => readFile(await store.localFile('old'), 'utf8'),
      remove: () => store.remove('old'),
    };
    const found: Record<string, unknown> = {};
    for (const [call, run] of Object.entries(calls)) {
      server.faults.push(fault);
      found[call] = await run();
      expect(server.faults).toEqual([]);
    }
    expect(found).toEqual({
      put: undefined,
      putIfAbsent: true,
      get: 'old',
      has: true,
      list: [],
      localFile: 'old',
      remove: undefined,
    });
    expect([...server.objects.keys()].sort()).toEqual(['team/set/new', 'team/set/once']);
  });

  it('tells a create of its own whose answer got lost from another writer’s', async () => {
    for (const when of ['before', 'after'] as const) {
      server.faults.push({ kind: 'reset', when });
      expect(await store.putIfAbsent(`own/${when}`, bytes('own'))).toBe(true);
    }
    server.objects.set('team/set/taken', Buffer.from('another'));
    server.faults.push({ kind: 'silent', when: 'before' });
    expect(await store.putIfAbsent('taken', bytes('own'))).toBe(false);
    expect(stored('taken')).toBe('another');
  });

  it('commits a ledger entry once although answers get lost', async () => {
    const entry = (from: number, nonce: string): LedgerEntry => ({
      schema: 'ledger/v1',
      topic: 't',
      partition: 0,
      from: String(from),
      to: String(from + 10),
      nonce,
      records: 10,
      maxArrivalMs: 1,
      segments: [],
      deadLetters: null,
    });
    const lost: Fault = { kind: 'silent', when: 'after' };
    const ledger = openLedger(store, 't', 0);
    expect(await ledger.tail()).toBe(0n);
    server.faults.push({ kind: 'answer', status: 503 }, lost);
    expect(await ledger.commit(entry(0, 'a'))).toBe('committed');
    expect(await openLedger(store, 't', 0).commit(entry(0, 'b'))).toBe('lost');
    expect((await ledger.entries()).map((e) => e.nonce)).toEqual(['a']);
  });

  it('gives up after the last attempt, naming what it tried', async () => {
    server.faults.push(...Array.from({ length: 3 }, () => PASSING['HTTP 503 SlowDown']!));
    await expect(store.put('seg/x', bytes('x'))).rejects.toMatchObject({
      code: 'STORE_IO',
      retriable: true,
      message: 'PUT seg/x: HTTP 503 SlowDown (3 attempts)',
    });
    await server.close();
    await expect(store.get('seg/x')).rejects.toMatchObject({ code: 'STORE_IO' });
    server = await startS3Server();
  });

  it.each([
    ['AccessDenied', 403, 'STORE_IO', /AWS_ACCESS_KEY_ID/],
    ['NoSuchBucket', 404, 'STORE_IO', /Make the bucket/],
    ['QuotaExceeded', 403, 'STORE_FULL', /Free/],
    ['PermanentRedirect', 301, 'STORE_IO', /store\.region/],
  ])('says what to do about %s', async (code, status, expected, mend) => {
    const body = `<Error><Code>${code}</Code><Message>no</Message></Error>`;
    server.faults.push({ kind: 'answer', status, body });
    await expect(store.get('x')).rejects.toMatchObject({
      code: expected,
      mend: expect.stringMatching(mend) as string,
    });
    expect(server.requests).toHaveLength(1);
  });

  it('takes a slow answer, but not half of one', async () => {
    const text = 'content of an object'.repeat(100);
    await store.put('x', bytes(text));
    server.faults.push({ kind: 'dribble', ms: IDLE_MS / 3 });
    expect(Buffer.from(await store.get('x')).toString()).toBe(text);
    expect(server.requests).toHaveLength(2);
    server.faults.push({ kind: 'torn' }, { kind: 'dribble', ms: 2 * IDLE_MS });
    expect(Buffer.from(await store.get('x')).toString()).toBe(text);
    expect(server.requests).toHaveLength(5);
    server.faults.push({ kind: 'torn' }, { kind: 'dribble', ms: 2 * IDLE_MS });
    expect(await readFile(await store.localFile('x'), 'utf8')).toBe(text);
    server.faults.push(...Array.from({ length: 3 }, (): Fault => ({ kind: 'torn' })));
    await expect(store.get('x')).rejects.toMatchObject({ code: 'STORE_IO' });
  });

  it.each([
    [
      'cut inside a key',
      '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>team/se',
    ],
    [
      'cut between two keys',
      '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>team/set/a/1</Key></Contents>',
    ],
    ['that does not say whether more follows', '<ListBucketResult></ListBucketResult>'],
    [
      'that names no next page',
      '<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>team/set/a/1</Key></Contents></ListBucketResult>',
    ],
    ['of another kind', '<html><IsTruncated>false</IsTruncated></html>'],
    ['of nothing', ''],
  ])('refuses a listing %s: a shorter one would hide what is committed', async (_, body) => {
    server.faults.push({ kind: 'answer', status: 200, body });
    await expect(store.list('a')).rejects.toMatchObject({
      code: 'STORE_IO',
      message: expect.stringContaining('the listing of a is not whole') as string,
    });
    expect(server.faults).toEqual([]);
    const attributes = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
    const whole = `<ListBucketResult ${attributes}><IsTruncated>false</IsTruncated><Contents><Key>team/set/a/1</Key></Contents></ListBucketResult>`;
    server.faults.push({ kind: 'answer', status: 200, body: whole });
    expect(await store.list('a')).toEqual(['a/1']);
  });

  it('keeps one copy of an object on this host until the object is another', async () => {
    await store.put('days/1/x.arrow', bytes('first'));
    const path = await store.localFile('days/1/x.arrow');
    const asked = server.requests.length;
    expect(await store.localFile('days/1/x.arrow')).toBe(path);
    expect(server.requests).toHaveLength(asked);
    await store.put('days/1/x.arrow', bytes('second'));
    expect(await readFile(await store.localFile('days/1/x.arrow'), 'utf8')).toBe('second');
    await expect(store.localFile('nope')).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
    expect(await readdir(join(folder, 'cache/.tmp'))).toEqual([]);
    await store.pruneCache(Date.now() - 60_000);
    expect(await readFile(path, 'utf8')).toBe('second');
    await store.pruneCache(Date.now() + 60_000);
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('adopts a file, reading it again for each attempt', async () => {
    const file = join(folder, 'finished');
    await writeFile(file, Buffer.alloc(300_000, 'row '));
    server.faults.push({ kind: 'answer', status: 500 }, { kind: 'reset', when: 'after' });
    await store.adopt('x/adopted', file);
    expect(stored('x/adopted')).toBe('row '.repeat(75_000));
    expect(await readdir(folder)).not.toContain('finished');
    await expect(store.adopt('x/again', file)).rejects.toMatchObject({ code: 'STORE_IO' });
  });

  it('needs credentials, and says which variable is not set', () => {
    const kept = process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_ACCESS_KEY_ID'];
    expect(() => openS3Store(settings(), { cacheFolder: folder })).toThrow(
      's3://bucket/team/set: AWS_ACCESS_KEY_ID is not set',
    );
    if (kept !== undefined) process.env['AWS_ACCESS_KEY_ID'] = kept;
  });
});

describe('the probe of conditional creates', () => {
  it('passes a store that honours them and leaves nothing behind', async () => {
    await probeConditionalCreate(store, store.place);
    expect(server.objects.size).toBe(0);
  });

  it('refuses a store that does not', async () => {
    server.honoursConditions = false;
    await expect(probeConditionalCreate(store, store.place)).rejects.toMatchObject({
      code: 'STORE_UNFIT',
      message: 's3://bucket/team/set let 8 of 8 writers create one key',
    });
    server.honoursConditions = true;
    server.faults.push(
      ...Array.from({ length: 64 }, (): Fault => ({ kind: 'answer', status: 501 })),
    );
    await expect(probeConditionalCreate(store, store.place)).rejects.toMatchObject({
      code: 'STORE_UNFIT',
    });
  });
});

describe('addressOf', () => {
  it.each([
    [{}, 'a/b=1', 'https://s3.host/bucket/team/set/a/b%3D1'],
    [{ pathStyle: false }, 'a', 'https://bucket.s3.host/team/set/a'],
    [{ prefix: '' }, 'a+b', 'https://s3.host/bucket/a%2Bb'],
    [{ prefix: '' }, '', 'https://s3.host/bucket?q=a%2Fb'],
    [{ pathStyle: false }, '', 'https://bucket.s3.host/?q=a%2Fb'],
    [{ endpoint: 'http://h:9000/base/' }, 'a', 'http://h:9000/base/bucket/team/set/a'],
  ])('%j and key %j', (over, key, address) => {
    const query = key === '' ? { q: 'a/b' } : {};
    expect(addressOf(settings({ endpoint: 'https://s3.host', ...over }), key, query)).toBe(address);
  });
});
