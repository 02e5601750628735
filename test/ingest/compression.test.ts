import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import zlib from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decompressorOf, uncompressedBytes } from '../../src/ingest/compression.ts';
import { lineBatches } from '../../src/ingest/line-batches.ts';

const LINES = 16_000;
const TEXT = Buffer.from(`${'a line of a log\n'.repeat(LINES)}and another stream\n`);

/** Python's `bz2.compress(first, 1) + bz2.compress(second)`: two streams, the first of three blocks. */
const BZ2 = Buffer.from(
  [
    'QlpoMTFBWSZTWasbwkMASTrRAAAQQAAjpaAAkCAGAUqmT1DTBKCyJQXaJQWRKCzBKC90JQX0SguQlBbiUFtEoLkS',
    'guolBaEoL8xQVkmU1nZ716NALcSUQAAEEAAI6WgAJAgBgFKpptQ0yJQWCUFuEoLIlBa3EoLBKC+iUFxEoLkSgu4S',
    'guRKC6SUFoSgvzFBWSZTWZOt9EIAKQtRAAAQQAAjpaAAkCAGAmqobUMwJEyEiaQkTISJoJEyEifwkTaEibhIniEi',
    'bhInUJE7CROC7kinChIRg4gK4EJaaDkxQVkmU1l2KBMIAAACUYAAEEAAJkOcACAAMQNA0CA00ARhE2L7FFQd7xdy',
    'RThQkHYoEwg=',
  ].join(''),
  'base64',
);

const { zstdCompressSync: zstd } = zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer };
const PACKED: (readonly [string, Buffer])[] = [
  ['gz', zlib.gzipSync(TEXT)],
  ['br', zlib.brotliCompressSync(TEXT)],
  ['bz2', BZ2],
  ...(zstd === undefined ? [] : ([['zst', zstd(TEXT)]] as const)),
];

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vamo-packed-'));
});
afterEach(() => rm(root, { recursive: true }));

async function lay(name: string, bytes: Buffer): Promise<string> {
  const path = join(root, name);
  await writeFile(path, bytes);
  return path;
}

async function read(path: string, from: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of uncompressedBytes(path, from)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a compressed file', () => {
  it.each([['txt', TEXT] as const, ...PACKED])('.%s is read from any place', async (end, bytes) => {
    const path = await lay(`log.${end}`, bytes);
    for (const from of [0, 7, 200_000, TEXT.length])
      expect((await read(path, from)).equals(TEXT.subarray(from))).toBe(true);
  });

  it.each(PACKED)('.%s that is cut off is refused by its name', async (end, bytes) => {
    const path = await lay(`log.${end}`, bytes.subarray(0, bytes.length - 20));
    const reading = Readable.from(lineBatches(path, 0, 1000)).toArray();
    await expect(reading).rejects.toMatchObject({
      code: 'INGEST_SOURCE',
      message: expect.stringContaining(path) as string,
    });
  });

  it.each([
    ['imp.txt.xz', '.xz is not read', 'unxz imp.txt.xz'],
    ['imp.lz4', '.lz4 is not read', 'lz4 -d imp.lz4'],
    ['imp.snappy', '.snappy is not read', 'snzip -d imp.snappy'],
    ['imp.zip', '.zip is not read', 'unzip imp.zip'],
    ['imp.tar.gz', '.tar is not read', 'tar -xf imp.tar.gz'],
    ...(zstd === undefined ? [['imp.zst', '.zst is read from Node 22.15', 'unzstd imp.zst']] : []),
  ])('%s is refused, with what unpacks it', (path, what, mend) => {
    let thrown: unknown;
    try {
      decompressorOf(path);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      code: 'INGEST_SOURCE',
      message: expect.stringContaining(`${path}: ${what}`) as string,
      mend: `Decompress it first: ${mend}`,
    });
  });
});
