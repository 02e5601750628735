import { createRequire } from 'node:module';
import zlib from 'node:zlib';
import { promisify } from 'node:util';
import { VamoError } from '../core/index.ts';

/** kafkajs asks for a codec by these numbers, which are Kafka's. */
const SNAPPY = 2;
const LZ4 = 3;
const ZSTD = 4;

interface Codec {
  decompress(bytes: Buffer): Promise<Buffer>;
  compress(): Promise<never>;
}
type Decompress = (bytes: Buffer) => Promise<Buffer>;

const require = createRequire(import.meta.url);

/** Loads a package that only such batches need. @throws VamoError INGEST_CODEC naming it */
function load(codec: string, name: string): unknown {
  try {
    return require(name) as unknown;
  } catch (cause) {
    throw new VamoError('INGEST_CODEC', `the topic holds ${codec} batches and ${name} is missing`, {
      details: { codec, package: name },
      mend: `Run \`npm install ${name}\` where vamo is installed, then start again; nothing was passed over.`,
      cause,
    });
  }
}

const readOnly = (decompress: Decompress): Codec => ({
  decompress,
  compress: () =>
    Promise.reject(new VamoError('INGEST_CODEC', 'only reading is supported with this codec')),
});

function zstd(): Decompress {
  // In Node from 22.15 on.
  const own = (zlib as { zstdDecompress?: (bytes: Buffer, done: () => void) => void })
    .zstdDecompress;
  if (own !== undefined) return promisify(own) as unknown as Decompress;
  return (load('zstd', '@mongodb-js/zstd') as { decompress: Decompress }).decompress;
}

const lz4 = (): Decompress =>
  (load('lz4', 'lz4-napi') as { decompressFrame: Decompress }).decompressFrame;

const snappy = (): Decompress =>
  (load('snappy', 'kafkajs-snappy') as () => { decompress: Decompress })().decompress;

/** Codecs beside gzip, which kafkajs has; each is made when the first batch needs it. */
export function addCodecs(codecs: object): void {
  for (const [type, make] of [
    [SNAPPY, snappy],
    [LZ4, lz4],
    [ZSTD, zstd],
  ] as const) {
    let codec: Codec | undefined;
    Object.assign(codecs, { [type]: () => (codec ??= readOnly(make())) });
  }
}
