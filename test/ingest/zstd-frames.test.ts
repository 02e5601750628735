import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { wholeZstdFrames } from '../../src/ingest/zstd-frames.ts';

/** `printf 'a line\\n' | zstd -3 --no-check`. */
const SMALL = Buffer.from('28b52ffd005839000061206c696e650a', 'hex');
/** A skippable frame of five bytes. */
const SKIPPABLE = Buffer.from('502a4d180500000068656c6c6f', 'hex');
/** `zstd -19 --check` of 300,000 times `x` and a line: three blocks, a checksum. */
const LARGE = Buffer.from(
  '28b52ffd04684c000008780100fcff391002020010789d000058616e6420616e20656e640a0100dd131d0001359d3f7f',
  'hex',
);
const FRAMES = Buffer.concat([SMALL, SKIPPABLE, LARGE]);
const ENDS = [0, SMALL.length, SMALL.length + SKIPPABLE.length, FRAMES.length];

async function pass(bytes: Buffer, piece: number): Promise<Buffer> {
  const pieces = Array.from({ length: Math.ceil(bytes.length / piece) }, (_, i) =>
    bytes.subarray(i * piece, (i + 1) * piece),
  );
  const chunks = await Readable.from(pieces).pipe(wholeZstdFrames()).toArray();
  return Buffer.concat(chunks as Buffer[]);
}

describe('frames of zstd', () => {
  it('are handed on as they are, in whatever pieces they come', async () => {
    for (const piece of [1, 2, 7, 1000]) expect(await pass(FRAMES, piece)).toEqual(FRAMES);
  });

  it('that end anywhere but behind one of them are cut off', async () => {
    const whole: number[] = [];
    for (let end = 0; end <= FRAMES.length; end++)
      await pass(FRAMES.subarray(0, end), 50).then(
        () => whole.push(end),
        (error: unknown) => expect(String(error)).toContain('cut off'),
      );
    expect(whole).toEqual(ENDS);
  });
});
