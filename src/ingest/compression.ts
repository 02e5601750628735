import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { Readable, type Duplex } from 'node:stream';
import zlib from 'node:zlib';
import { VamoError } from '../core/index.ts';
import { wholeZstdFrames } from './zstd-frames.ts';

const BZ2_PACKAGE = 'unbzip2-stream';
const require = createRequire(import.meta.url);

/** The uncompressed bytes of a compressed stream. */
type Decompress = (raw: Readable) => Readable;

/** A failure to read must end the reading of what comes out, too. */
const through =
  (make: () => Duplex): Decompress =>
  (raw) => {
    const out = make();
    raw.on('error', (error) => out.destroy(error));
    return raw.pipe(out);
  };

/** In Node from 22.15 on. */
const createZstd = (zlib as { createZstdDecompress?: () => Duplex }).createZstdDecompress;

function zstd(path: string): Decompress {
  if (createZstd !== undefined) {
    const inflate = through(createZstd);
    const check = through(wholeZstdFrames);
    return (raw) => inflate(check(raw));
  }
  throw unpackFirst(path, '.zst is read from Node 22.15 on', 'unzstd');
}

function bzip2(path: string): Decompress {
  try {
    const unbzip2 = require(BZ2_PACKAGE) as () => NodeJS.ReadWriteStream;
    return (raw) => {
      const out = unbzip2();
      raw.on('error', (error) => out.emit('error', error));
      return new Readable().wrap(raw.pipe(out));
    };
  } catch (cause) {
    throw new VamoError('PACKAGE_MISSING', `${path}: .bz2 needs the package ${BZ2_PACKAGE}`, {
      mend: `Install it: npm install ${BZ2_PACKAGE}. Or decompress the file first: bunzip2 ${path}`,
      details: { path, package: BZ2_PACKAGE },
      cause,
    });
  }
}

const READ: Readonly<Record<string, (path: string) => Decompress>> = {
  gz: () => through(zlib.createGunzip),
  br: () => through(zlib.createBrotliDecompress),
  zst: zstd,
  bz2: bzip2,
};

/** What else files are packed with, and what unpacks it. */
const UNREAD: Readonly<Record<string, string>> = {
  xz: 'unxz',
  lzma: 'unlzma',
  lz4: 'lz4 -d',
  lzo: 'lzop -d',
  sz: 'snzip -d',
  snappy: 'snzip -d',
  Z: 'uncompress',
  zip: 'unzip',
  '7z': '7z x',
  tar: 'tar -xf',
  tgz: 'tar -xzf',
};

function unpackFirst(path: string, what: string, command: string): VamoError {
  return new VamoError('INGEST_SOURCE', `${path}: ${what}`, {
    mend: `Decompress it first: ${command} ${path}`,
    details: { path },
  });
}

const READ_ENDING = new RegExp(`\\.(${Object.keys(READ).join('|')})$`);
const UNREAD_ENDING = new RegExp(`\\.(${Object.keys(UNREAD).join('|')})$`);

/** The name without the ending that says how the file is compressed. */
export const uncompressedName = (path: string): string => path.replace(READ_ENDING, '');

/**
 * How a file of this name is decompressed; undefined = it is not compressed.
 * @throws VamoError INGEST_SOURCE for what is not read, naming the command that unpacks it;
 *   PACKAGE_MISSING
 */
export function decompressorOf(path: string): Decompress | undefined {
  const unread = UNREAD_ENDING.exec(uncompressedName(path))?.[1];
  if (unread !== undefined) throw unpackFirst(path, `.${unread} is not read`, UNREAD[unread] ?? '');
  const read = READ_ENDING.exec(path)?.[1];
  return read === undefined ? undefined : READ[read]?.(path);
}

/**
 * The uncompressed bytes of a file from a position in them on.
 * @throws VamoError as `decompressorOf`; the system's and the decompressor's own errors
 */
export async function* uncompressedBytes(path: string, from = 0): AsyncGenerator<Buffer> {
  const decompress = decompressorOf(path);
  const highWaterMark = 1 << 18;
  if (decompress === undefined) {
    yield* createReadStream(path, { start: from, highWaterMark }) as AsyncIterable<Buffer>;
    return;
  }
  const raw = createReadStream(path, { highWaterMark });
  let position = 0;
  try {
    for await (const chunk of decompress(raw) as AsyncIterable<Buffer>) {
      const skip = Math.min(chunk.length, Math.max(0, from - position));
      position += chunk.length;
      if (skip < chunk.length) yield chunk.subarray(skip);
    }
  } finally {
    raw.destroy();
  }
}
