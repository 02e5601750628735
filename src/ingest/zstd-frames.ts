import { Transform } from 'node:stream';

const MAGIC = 0xfd2fb528;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const RLE = 1;
const CHECKSUM_BYTES = 4;

/** What is read next of a frame (RFC 8878, section 3.1): so many bytes, then `then` of them. */
interface Field {
  readonly bytes: number;
  /** The next field, and how many bytes lie before it. */
  then(field: Buffer): { readonly skip: number; readonly next: Field };
}

const blockHeader = (isSummed: boolean): Field => ({
  bytes: 3,
  then(field) {
    const header = field.readUIntLE(0, 3);
    const isLast = (header & 1) === 1;
    const size = ((header >> 1) & 3) === RLE ? 1 : header >> 3;
    if (!isLast) return { skip: size, next: blockHeader(isSummed) };
    return { skip: size + (isSummed ? CHECKSUM_BYTES : 0), next: FRAME };
  },
});

const DESCRIPTOR: Field = {
  bytes: 1,
  then([flags = 0]) {
    const isSingle = ((flags >> 5) & 1) === 1;
    const sizeFlag = flags >> 6;
    const sizeBytes = sizeFlag === 0 ? Number(isSingle) : 1 << sizeFlag;
    const rest = Number(!isSingle) + (DICTIONARY_BYTES[flags & 3] ?? 0) + sizeBytes;
    return { skip: rest, next: blockHeader(((flags >> 2) & 1) === 1) };
  },
};

const SKIPPED: Field = {
  bytes: 4,
  then: (field) => ({ skip: field.readUInt32LE(0), next: FRAME }),
};

const FRAME: Field = {
  bytes: 4,
  then: (field) => ({ skip: 0, next: field.readUInt32LE(0) === MAGIC ? DESCRIPTOR : SKIPPED }),
};

/**
 * Hands zstd frames on as they are, and fails when they end in the middle of one: Node's decompressor
 * takes what is cut off for whole.
 */
export function wholeZstdFrames(): Transform {
  let field = FRAME;
  let skip = 0;
  let held: number[] = [];

  function walk(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      if (skip > 0) {
        const passed = Math.min(skip, chunk.length - at);
        skip -= passed;
        at += passed;
        continue;
      }
      held.push(chunk[at++] ?? 0);
      if (held.length < field.bytes) continue;
      ({ skip, next: field } = field.then(Buffer.from(held)));
      held = [];
    }
  }

  return new Transform({
    transform(chunk: Buffer, _, done) {
      walk(chunk);
      done(null, chunk);
    },
    flush(done) {
      const isWhole = field === FRAME && skip === 0 && held.length === 0;
      done(isWhole ? null : new Error('the zstd frame is cut off'));
    },
  });
}
