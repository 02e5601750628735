import { describe, expect, it } from 'vitest';
import { deadLetter, rawValue } from '../../src/ingest/dead-letter.ts';
import type { EventSource, ReadRecord, SourceHandler } from '../../src/ingest/event-source.ts';
import { jsonLines } from '../../src/ingest/json-line.ts';
import { openPartition } from '../../src/ingest/partition-ingest.ts';
import { partitionContext } from '../helpers/ingest-partition.ts';
import { committedDeadLetters } from '../helpers/ingest-rows.ts';
import { memoryStore } from '../helpers/memory-store.ts';

/** The records that a replay makes of lines. */
async function replayed(...lines: string[]): Promise<ReadRecord[]> {
  const records = lines.map((value, offset) => ({ offset, arrivalMs: Number.NaN, value }));
  const found: ReadRecord[] = [];
  const handler = {
    batch(batch: { readonly records: readonly ReadRecord[] }) {
      found.push(...batch.records);
      return Promise.resolve(lines.length);
    },
  } as unknown as SourceHandler;
  const source = {
    run: (to: SourceHandler) => to.batch({ partition: 0, from: 0, to: lines.length, records }),
  } as unknown as EventSource;
  await jsonLines(source).run(handler, new AbortController().signal);
  return found;
}

const place = { topic: 't', partition: 0, arrival_ms: 5 };
const bad = { field: 'value', reason: 'value: not JSON' };

describe('a dead letter', () => {
  it('keeps the bytes of a bad record so that they can be read again', () => {
    for (const bytes of [Buffer.from('{"a":"é"}'), Buffer.from('\ufeffx'), Buffer.from([0, 255])]) {
      const { value, encoding = 'utf8' } = rawValue(bytes);
      expect(Buffer.from(value, encoding)).toEqual(bytes);
    }
  });

  it('holds key and headers beside the value; a replay that finds it bad again keeps them', async () => {
    const record = {
      offset: 7,
      arrivalMs: 5,
      value: Buffer.from('junk'),
      key: Buffer.from([0xff, 0]),
      headers: [
        { name: 'trace', value: Buffer.from('a-1') },
        { name: 'trace', value: Buffer.from([0xfe]) },
        { name: 'none', value: null },
      ],
    };
    const store = memoryStore();
    const partition = await openPartition(partitionContext(store), 0);
    await partition.batch({ partition: 0, from: 0, to: 8, records: [record] });
    await partition.flush(true);
    const [letter] = await committedDeadLetters(store);
    const kept = {
      ...{ value: 'junk', key: '/wA=', key_encoding: 'base64' },
      headers: [
        { name: 'trace', value: 'a-1' },
        { name: 'trace', value: '/g==', encoding: 'base64' },
        { name: 'none', value: null },
      ],
    };
    expect(letter).toMatchObject({ offset: 7, arrival_ms: 5, ...kept });

    const [again] = await replayed(JSON.stringify(letter));
    expect(deadLetter(again!, bad, place)).toEqual({ ...place, ...bad, ...kept, offset: 0 });
  });

  it('without them is read as before, and a log that has members of these names too', async () => {
    const lines = [{}, { key: 5, headers: 'x' }, { headers: [null, { name: 3 }] }];
    const line = (over: object) => JSON.stringify({ arrival_ms: 5, value: 'v', ...over });
    const marked = `\ufeff${line({})}\r`;
    for (const record of await replayed(...lines.map(line), marked))
      expect(record).toEqual({ offset: record.offset, arrivalMs: 5, value: 'v' });
    const plain = { offset: 1, arrivalMs: 5, value: 'v', key: null, headers: [] };
    expect(deadLetter(plain, bad, place)).toEqual({ ...place, ...bad, offset: 1, value: 'v' });
  });
});
