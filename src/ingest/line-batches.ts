import { isVamoError, systemCode, VamoError } from '../core/index.ts';
import { uncompressedBytes } from './compression.ts';
import type { ReadRecord } from './event-source.ts';

const NEWLINE = 10;
const LONGEST_LINE = 16 * 1024 * 1024;

/** A file that cannot be read, by its name. */
export function unreadable(path: string, cause: unknown): VamoError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const isMissing = systemCode(cause) === 'ENOENT';
  return new VamoError(
    'INGEST_SOURCE',
    isMissing ? `${path} is not there` : `cannot read ${path}: ${reason}`,
    { mend: `Check the path ${path} and that the file can be read.`, cause },
  );
}

/** Consecutive lines of a file: all there are in [from, to). */
export interface LineBatch {
  readonly from: number;
  readonly to: number;
  readonly records: readonly ReadRecord[];
}

/**
 * The lines of a file from a position on, about `chunkBytes` at a time. The last line needs no end.
 * @throws VamoError INGEST_SOURCE
 */
export async function* lineBatches(
  path: string,
  start: number,
  chunkBytes: number,
): AsyncGenerator<LineBatch> {
  let from = start;
  let held: Buffer[] = [];
  let size = 0;
  function take(atEnd: boolean): LineBatch | undefined {
    const bytes = Buffer.concat(held, size);
    const whole = atEnd ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
    if (whole === 0 && size > LONGEST_LINE)
      throw new VamoError('INGEST_SOURCE', `${path}: a line at byte ${from} has no end`);
    held = [bytes.subarray(whole)];
    size = bytes.length - whole;
    if (whole === 0) return undefined;
    const batch = { from, to: from + whole, records: linesOf(bytes.subarray(0, whole), from) };
    from = batch.to;
    return batch;
  }
  try {
    for await (const chunk of uncompressedBytes(path, start)) {
      held.push(chunk);
      size += chunk.length;
      const batch = size >= chunkBytes ? take(false) : undefined;
      if (batch !== undefined) yield batch;
    }
  } catch (error) {
    throw isVamoError(error) ? error : unreadable(path, error);
  }
  const last = take(true);
  if (last !== undefined) yield last;
}

function linesOf(bytes: Buffer, from: number): ReadRecord[] {
  const records: ReadRecord[] = [];
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, at);
    const end = newline < 0 ? bytes.length : newline;
    records.push({
      offset: from + at,
      arrivalMs: Number.NaN,
      value: bytes.toString('utf8', at, end),
    });
    at = end + 1;
  }
  return records;
}
