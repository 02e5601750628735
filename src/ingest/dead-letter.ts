import type { BadRecord } from './decode-record.ts';
import type { ReadRecord, RecordHeader } from './event-source.ts';

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

interface RawText {
  readonly value: string;
  readonly encoding?: 'base64';
}

/** A line of a dead-letter file. Key and headers are left out where the source has none. */
interface DeadLetter extends BadRecord, RawText {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly arrival_ms: number;
  readonly key?: string;
  readonly key_encoding?: 'base64';
  readonly headers?: readonly (RawText | { readonly name: string; readonly value: null })[];
}

/**
 * A record's value as a dead letter keeps it, to be read again byte for byte: text as it is, other
 * bytes in base64.
 */
export function rawValue(value: unknown): RawText {
  if (typeof value === 'string') return { value };
  if (value === null || value === undefined) return { value: '' };
  if (!(value instanceof Uint8Array)) return { value: JSON.stringify(value) };
  try {
    return { value: strictUtf8.decode(value) };
  } catch {
    return { value: Buffer.from(value).toString('base64'), encoding: 'base64' };
  }
}

/** What is kept of a record that gave no event. */
export function deadLetter(
  record: ReadRecord,
  bad: BadRecord,
  place: Pick<DeadLetter, 'topic' | 'partition' | 'arrival_ms'>,
): DeadLetter {
  const { offset, value, key, headers } = record;
  return { ...place, offset, ...bad, ...rawValue(value), ...rawKey(key), ...rawHeaders(headers) };
}

function rawKey(key: ReadRecord['key']): Pick<DeadLetter, 'key' | 'key_encoding'> {
  if (key === null || key === undefined) return {};
  const { value, encoding } = rawValue(key);
  return { key: value, ...(encoding !== undefined && { key_encoding: encoding }) };
}

function rawHeaders(headers: ReadRecord['headers'] = []): Pick<DeadLetter, 'headers'> {
  if (headers.length === 0) return {};
  return {
    headers: headers.map(({ name, value }) =>
      value === null ? { name, value } : { name, ...rawValue(value) },
    ),
  };
}

/** Bytes of what was kept in base64; text as it is. */
export function readRaw(text: string, encoding: unknown): string | Buffer {
  return encoding === 'base64' ? Buffer.from(text, 'base64') : text;
}

type Line = Readonly<Record<string, unknown>>;

/** Key and headers of a dead letter's line; none where it has none, or something else by that name. */
export function keptBeside(line: Line): Pick<ReadRecord, 'key' | 'headers'> {
  const { key, key_encoding: encoding, headers } = line;
  const list = Array.isArray(headers) ? headers.flatMap((one: unknown) => headerOf(one)) : [];
  return {
    ...(typeof key === 'string' && { key: readRaw(key, encoding) }),
    ...(list.length > 0 && { headers: list }),
  };
}

function headerOf(one: unknown): RecordHeader[] {
  const { name, value, encoding } = (one ?? {}) as Line;
  if (typeof name !== 'string') return [];
  if (value === null) return [{ name, value }];
  return typeof value === 'string' ? [{ name, value: readRaw(value, encoding) }] : [];
}
