import { open, stat } from 'node:fs/promises';
import { isVamoError, sleep, systemCode, VamoError } from '../core/index.ts';
import type { EventSource, ReadRecord, SourceHandler } from './event-source.ts';
import { unreadable } from './line-batches.ts';
import { type LogOptions, findLogDirectory } from './log-directory.ts';

export interface FileSourceOptions extends LogOptions {
  /** How often a log that has been read to its end is looked at again. */
  readonly pollMs?: number;
  /** How much is read at a time; a longer line is read whole. */
  readonly chunkBytes?: number;
}

const NEWLINE = 10;
/** No event is this long: such a file is not a log of events. */
const LONGEST_LINE = 16 * 1024 * 1024;

/**
 * Reads a directory of append-only logs, one JSON line a record: `{"arrival_ms": 1767571200000,
 * "value": {...}}`, `value` an event or its JSON text. Offsets are byte positions; a last line
 * without its end is not read yet.
 */
export function createFileSource(options: FileSourceOptions): EventSource {
  const { topic, partitions, pollMs = 200, chunkBytes = 1 << 20 } = options;
  const indices = Array.from({ length: partitions }, (_, p) => p);

  async function run(handler: SourceHandler, signal: AbortSignal): Promise<void> {
    const log = await findLogDirectory(options);
    const starts = await handler.assigned(indices);
    const positions = indices.map((p) => startOf(starts.get(p)));
    for (const p of indices) await checkStart(log.path(p), positions[p] ?? 0);
    while (!signal.aborted) {
      let moved = false;
      for (const p of indices) {
        const from = Math.min(positions[p] ?? 0, handler.next(p));
        const { bytes, to } = await readLines(log.path(p), from, chunkBytes);
        if (to === from) continue;
        moved = true;
        const records = parseLines(bytes, from);
        positions[p] = await handler.batch({ partition: p, from, to, records });
      }
      if (!moved) await pause(pollMs, signal);
    }
    await handler.drain();
  }

  return {
    topic,
    async identity() {
      const { id } = await findLogDirectory(options);
      return { schema: 'source/v1', kind: 'file', id, topic, partitions };
    },
    async ends() {
      const log = await findLogDirectory(options);
      return Promise.all(indices.map((p) => endOfLines(log.path(p), chunkBytes)));
    },
    run,
    hint: () => undefined,
  };
}

const startOf = (position: number | 'first' | undefined): number =>
  typeof position === 'number' ? position : 0;

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, signal).catch((error: unknown) => {
    if (!isVamoError(error, 'INTERRUPTED')) throw error;
  });
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 0;
    throw unreadable(path, error);
  }
}

function lost(path: string, position: number, reason: string): VamoError {
  return new VamoError('INGEST_OFFSET_LOST', `${path}: ${reason} (at byte ${position})`, {
    details: { path, position },
  });
}

async function readAt(path: string, position: number, length: number): Promise<Buffer> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw unreadable(path, error);
  });
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** A log only grows: where reading stopped, a line ends. */
async function checkStart(path: string, position: number): Promise<void> {
  if (position === 0) return;
  if ((await sizeOf(path)) < position) throw lost(path, position, 'the log is shorter than before');
  const [byte] = await readAt(path, position - 1, 1);
  if (byte !== NEWLINE) throw lost(path, position, 'the log was rewritten: no line ends here');
}

/** The whole lines from `from` on, about `chunkBytes` of them. */
async function readLines(path: string, from: number, chunkBytes: number) {
  const size = await sizeOf(path);
  if (size < from) throw lost(path, from, 'the log is shorter than before');
  for (let length = chunkBytes; ; length *= 4) {
    if (size === from) return { bytes: Buffer.alloc(0), to: from };
    const bytes = await readAt(path, from, Math.min(length, size - from));
    const end = bytes.lastIndexOf(NEWLINE) + 1;
    if (end > 0) return { bytes: bytes.subarray(0, end), to: from + end };
    if (from + length >= size) return { bytes: Buffer.alloc(0), to: from };
    if (length > LONGEST_LINE)
      throw new VamoError('INGEST_SOURCE', `${path}: a line at byte ${from} has no end`);
  }
}

/** The position after the last whole line. */
async function endOfLines(path: string, chunkBytes: number): Promise<number> {
  for (let end = await sizeOf(path); end > 0; end = Math.max(0, end - chunkBytes)) {
    const from = Math.max(0, end - chunkBytes);
    const newline = (await readAt(path, from, end - from)).lastIndexOf(NEWLINE);
    if (newline >= 0) return from + newline + 1;
  }
  return 0;
}

/** Records of whole lines; a line that is no record keeps its text, to be dead-lettered. */
function parseLines(bytes: Buffer, from: number): ReadRecord[] {
  const records: ReadRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(NEWLINE, at);
    records.push(parseLine(bytes.toString('utf8', at, end), from + at));
    at = end + 1;
  }
  return records;
}

function parseLine(text: string, offset: number): ReadRecord {
  try {
    const line = JSON.parse(text) as { arrival_ms?: unknown; value?: unknown } | null;
    if (typeof line?.arrival_ms === 'number' && line.value !== undefined)
      return { offset, arrivalMs: line.arrival_ms, value: line.value };
  } catch {
    // Falls through: not JSON is as bad as JSON of another form.
  }
  return { offset, arrivalMs: Number.NaN, value: text };
}
