import { type FileHandle, open } from 'node:fs/promises';
import type { SourceRecord } from '../contracts/index.ts';
import { storeError } from '../store/index.ts';
import { type EventSink, partitionOf } from './event-sink.ts';
import { type LogOptions, makeLogDirectory } from './log-directory.ts';

interface OpenLog {
  readonly path: string;
  readonly file: FileHandle;
  /** Bytes of whole lines. */
  size: number;
}

const NEWLINE = 10;
const TAIL = 64 * 1024;

/** Where the last whole line ends: a writer killed in the middle leaves an unfinished one. */
async function endOfLines(file: FileHandle, size: number): Promise<number> {
  for (let end = size; end > 0; end = Math.max(0, end - TAIL)) {
    const from = Math.max(0, end - TAIL);
    const { buffer } = await file.read(Buffer.alloc(end - from), 0, end - from, from);
    const newline = buffer.lastIndexOf(NEWLINE);
    if (newline >= 0) return from + newline + 1;
  }
  return 0;
}

async function openForAppending(path: string): Promise<OpenLog> {
  const file = await open(path, 'a+');
  const { size } = await file.stat();
  const whole = await endOfLines(file, size);
  if (whole < size) await file.truncate(whole);
  return { path, file, size: whole };
}

/** An event is embedded as it is when it fits a line; other text as a JSON string. */
function lineOf(record: SourceRecord): string {
  const { value } = record;
  const embedded = isObjectOnOneLine(value) ? value : JSON.stringify(value);
  return `{"arrival_ms":${record.arrivalMs},"key":${JSON.stringify(record.key)},"value":${embedded}}\n`;
}

function isObjectOnOneLine(text: string): boolean {
  if (!text.startsWith('{') || text.includes('\n')) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Appends to a directory of logs that `createFileSource` reads. One writer at a time. */
export async function createFileSink(options: LogOptions): Promise<EventSink> {
  const { partitions } = options;
  const directory = await makeLogDirectory(options);
  const logs = new Map<number, OpenLog>();

  const logOf = async (partition: number): Promise<OpenLog> => {
    const known = logs.get(partition);
    if (known !== undefined) return known;
    const log = await openForAppending(directory.path(partition));
    logs.set(partition, log);
    return log;
  };

  /** Whole lines or nothing: after a failed write the file is cut back to what it was. */
  async function append(partition: number, lines: readonly string[]): Promise<void> {
    const log = await logOf(partition);
    const bytes = Buffer.from(lines.join(''));
    try {
      await log.file.appendFile(bytes);
      await log.file.sync();
      log.size += bytes.length;
    } catch (error) {
      await log.file.truncate(log.size);
      throw error;
    }
  }

  return {
    async write(records) {
      const lines = new Map<number, string[]>();
      for (const record of records) {
        const partition = partitionOf(record.key, partitions);
        const own = lines.get(partition);
        if (own === undefined) lines.set(partition, [lineOf(record)]);
        else own.push(lineOf(record));
      }
      for (const [partition, own] of lines)
        await append(partition, own).catch((error: unknown) => {
          throw storeError(error, `cannot append to ${directory.path(partition)}`);
        });
    },
    async close() {
      for (const { file } of logs.values()) await file.close();
      logs.clear();
    },
  };
}
