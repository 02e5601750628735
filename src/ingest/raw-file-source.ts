import { createHash } from 'node:crypto';
import type { SourceIdentity } from '../contracts/index.ts';
import { isVamoError, sha256, sleep, VamoError } from '../core/index.ts';
import { uncompressedBytes } from './compression.ts';
import type { EventSource, SourceHandler } from './event-source.ts';
import { findFiles } from './file-glob.ts';
import { lineBatches, unreadable } from './line-batches.ts';

export interface RawFileOptions {
  /** A pattern of files at rest, or their paths; each is a partition, numbered in their order. */
  readonly files: string | readonly string[];
  /** Names the ledgers. */
  readonly topic: string;
  /** About how many bytes make a batch. */
  readonly chunkBytes?: number;
}

const POLL_MS = 200;

/** A file as it was found: its length and digest without compression. */
interface FoundFile {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Reads the lines of files that do not grow any more, compressed or not: the logs of another system, for a
 * mapping. Offsets are byte positions of the uncompressed text. The identity is made of the files'
 * contents in their order, so that a changed or an added file is another source.
 */
export function createRawFileSource(options: RawFileOptions): EventSource {
  const { topic, chunkBytes = 1 << 20 } = options;
  let found: Promise<FoundFile[]> | undefined;
  const files = (): Promise<FoundFile[]> => (found ??= findAll(options.files));

  async function run(handler: SourceHandler, signal: AbortSignal): Promise<void> {
    /** Hands out lines until the file's end, or until the handler wants to go on elsewhere: there. */
    async function readFrom(file: FoundFile, partition: number, start: number): Promise<number> {
      let from = start;
      for await (const batch of lineBatches(file.path, start, chunkBytes)) {
        if (batch.to > file.bytes) throw changed(file.path);
        from = await handler.batch({ partition, ...batch });
        if (from !== batch.to || signal.aborted) return from;
      }
      if (from === start) throw changed(file.path);
      return from;
    }

    async function readOn(file: FoundFile, partition: number, start: number): Promise<number> {
      let from = start;
      while (from < file.bytes && !signal.aborted) from = await readFrom(file, partition, from);
      return from;
    }

    const all = await files();
    const starts = await handler.assigned(all.map((_, p) => p));
    const positions = all.map((_, partition) => {
      const start = starts.get(partition);
      return typeof start === 'number' ? start : 0;
    });
    while (!signal.aborted) {
      for (const [partition, file] of all.entries()) {
        const from = Math.min(positions[partition] ?? 0, handler.next(partition));
        positions[partition] = await readOn(file, partition, from);
      }
      await pause(signal);
    }
    await handler.drain();
  }

  return {
    topic,
    async identity(): Promise<SourceIdentity> {
      const all = await files();
      return {
        schema: 'source/v1',
        kind: 'files',
        id: `sha256:${sha256(all.map((file) => file.sha256).join('\n'))}`,
        topic,
        partitions: all.length,
        ends: all.map((file) => file.bytes),
      };
    },
    ends: async () => (await files()).map((file) => file.bytes),
    run,
    hint: () => undefined,
  };
}

async function pause(signal: AbortSignal): Promise<void> {
  await sleep(POLL_MS, signal).catch((error: unknown) => {
    if (!isVamoError(error, 'INTERRUPTED')) throw error;
  });
}

async function findAll(listed: RawFileOptions['files']): Promise<FoundFile[]> {
  const files: FoundFile[] = [];
  const paths = typeof listed === 'string' ? await findFiles(listed) : listed;
  for (const path of paths) files.push(await measure(path));
  return files;
}

async function measure(path: string): Promise<FoundFile> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of uncompressedBytes(path)) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    throw isVamoError(error) ? error : unreadable(path, error);
  }
  return { path, bytes, sha256: hash.digest('hex') };
}

function changed(path: string): VamoError {
  return new VamoError('INGEST_OFFSET_LOST', `${path}: the file changed while it was read`);
}
