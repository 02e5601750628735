import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ObjectStore, openDirectoryStore, readVerified } from '../../src/store/index.ts';
import { sha256 } from '../../src/core/index.ts';

let root: string;
let store: ObjectStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vamo-store-'));
  store = await openDirectoryStore(join(root, 'data'));
});
afterEach(() => rm(root, { recursive: true }));

const bytes = (text: string): Uint8Array => Buffer.from(text);
const text = async (key: string): Promise<string> => Buffer.from(await store.get(key)).toString();

describe('directory store', () => {
  it('puts, replaces, lists in byte order and removes', async () => {
    await store.put('a/b/2.json', bytes('two'));
    await store.put('a/b/10.json', bytes('ten'));
    await store.put('a/B.json', bytes('upper'));
    await store.put('ab/1.json', bytes('other folder'));
    await store.put('a/b/2.json', bytes('2'));
    expect(await text('a/b/2.json')).toBe('2');
    expect(await store.list('a')).toEqual(['a/B.json', 'a/b/10.json', 'a/b/2.json']);
    expect(await store.folders('a')).toEqual(['b']);
    expect(await store.folders('nothing')).toEqual([]);
    await store.remove('a/b/2.json');
    expect(await store.has('a/b/2.json')).toBe(false);
    expect(await store.list('nothing')).toEqual([]);
    await expect(store.get('a/b/2.json')).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' });
  });

  it('creates a key once, however many try at the same time', async () => {
    const tries = Array.from({ length: 20 }, (_, i) => store.putIfAbsent('k/1', bytes(`w${i}`)));
    const won = (await Promise.all(tries)).map((created, i) => (created ? i : -1));
    const winners = won.filter((i) => i >= 0);
    expect(winners).toHaveLength(1);
    expect(await text('k/1')).toBe(`w${winners[0]!}`);
  });

  it('adopts a finished file, which is then gone from its place', async () => {
    const file = join(root, 'finished');
    await writeFile(file, 'content');
    await store.adopt('x/adopted', file);
    expect(await text('x/adopted')).toBe('content');
    expect(await readdir(root)).toEqual(['data']);
  });

  it.each(['../x', 'a/../x', '/etc/x', 'a//b', '', '.hidden', 'a/.tmp/x', 'a\0b', 'a\\b'])(
    'refuses the key %j',
    async (key) => {
      await expect(async () => store.put(key, bytes('x'))).rejects.toMatchObject({
        code: 'STORE_IO',
      });
    },
  );

  it('leaves no temporary file and the old object when a write fails', async () => {
    await mkdir(join(root, 'data/folder/inside'), { recursive: true });
    await expect(store.put('folder', bytes('x'))).rejects.toMatchObject({ code: 'STORE_IO' });
    expect(await readdir(join(root, 'data/.tmp'))).toEqual([]);
    expect(await readdir(join(root, 'data/folder'))).toEqual(['inside']);
  });

  it('reports STORE_FULL under a real file size limit, and goes on once there is room', async () => {
    const script = `
      import { openDirectoryStore } from ${JSON.stringify(join(process.cwd(), 'src/store/index.ts'))};
      const store = await openDirectoryStore(${JSON.stringify(join(root, 'data'))});
      await store.put('small', Buffer.from('fits'));
      const error = await store.put('small', Buffer.alloc(1 << 20)).catch((e) => e);
      console.log(error.code);`;
    const file = join(root, 'child.mts');
    await writeFile(file, script);
    const shell = `ulimit -f 64; exec "$0" --import tsx "$1"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', shell, process.execPath, file]);
    expect(stdout.trim()).toBe('STORE_FULL');
    expect(await text('small')).toBe('fits');
    expect(await readdir(join(root, 'data/.tmp'))).toEqual([]);
    await store.put('small', Buffer.alloc(1 << 20));
    expect((await store.get('small')).byteLength).toBe(1 << 20);
  });
});

describe('readVerified', () => {
  it('returns bytes that are what they were, and nothing else', async () => {
    const content = bytes('the committed bytes');
    const ref = { key: 'seg/1', sha256: sha256(content) };
    await store.put(ref.key, content);
    expect(Buffer.from(await readVerified(store, ref))).toEqual(Buffer.from(content));

    const path = await store.localFile(ref.key);
    const good = await readFile(path);
    const flipped = Buffer.from(good);
    flipped[7]! ^= 1;
    for (const bad of [flipped, good.subarray(0, -1), Buffer.alloc(0)]) {
      await writeFile(path, bad);
      await expect(readVerified(store, ref)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    }
    await rm(path);
    await expect(readVerified(store, ref)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });
});
