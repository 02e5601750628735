import { tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createOutcomeScanner,
  encodeEvent,
  EVENT_COLUMNS,
  PROVENANCE_COLUMNS,
} from '../../src/contracts/index.ts';
import { createSegmentBuilder, openColumns } from '../../src/store/index.ts';
import { makeRecords, outcomeEvent } from '../helpers/ingest-records.ts';
import { decodeEvent } from '../../src/contracts/index.ts';

describe('segment builder', () => {
  it('keeps every field of every kind; what a kind lacks is 0 or empty', () => {
    const { records, good } = makeRecords(500);
    const events = good.map((i) => decodeEvent(JSON.parse(records[i]!.value)));
    const builder = createSegmentBuilder();
    events.forEach((event, i) => builder.push(event, 2 ** 40 + i, 'topic', 3, 2 ** 33 + i));
    expect(builder.rows).toBe(events.length);
    const table = openColumns(builder.finish(), 'segment');
    expect(table.rows).toBe(events.length);
    for (const [name, type] of Object.entries(EVENT_COLUMNS)) {
      if (name === 'arrival_ms') continue;
      const found: ArrayLike<unknown> = type === 'text' ? table.texts(name) : table.integers(name);
      const wanted = events.map((event) => {
        const value = (event as unknown as Record<string, unknown>)[name];
        return type === 'text' ? (value ?? '') : Number(value ?? 0);
      });
      expect(Array.from(found), name).toEqual(wanted);
    }
    expect(table.integers('arrival_ms')[7]).toBe(2 ** 40 + 7);
    expect(table.integers('src_offset')[7]).toBe(2 ** 33 + 7);
    expect(new Set(table.texts('src_topic'))).toEqual(new Set(['topic']));
  });

  it('makes the same bytes of a scanned outcome, also in memory that was used before', () => {
    const events = [
      outcomeEvent(),
      outcomeEvent({ event_id: 'o-2', model_version: 'v7', pv: 2 ** 40, competing_3: 5 }),
    ];
    const plain = createSegmentBuilder();
    const scanned = createSegmentBuilder();
    for (let i = 0; i < 300; i++)
      scanned.push(outcomeEvent({ gmv: 7, task: 'used' } as object), 9, 'other', 9, i);
    scanned.clear();
    const scan = createOutcomeScanner();
    events.forEach((event, i) => {
      plain.push(event, 2 ** 40 + i, 'topic', 3, 2 ** 33 + i);
      const bytes = Buffer.from(JSON.stringify(encodeEvent(event)));
      scanned.pushScanned(scan(bytes, 0, bytes.length)!, 2 ** 40 + i, 'topic', 3, 2 ** 33 + i);
    });
    expect(scanned.rows).toBe(2);
    expect(Buffer.from(scanned.finish()).equals(plain.finish())).toBe(true);
  });

  it('writes plain Utf8 and Int64 columns without nulls, in the order of the contract', () => {
    const builder = createSegmentBuilder();
    builder.push(outcomeEvent(), 1, 't', 0, 0);
    const { fields } = tableFromIPC(builder.finish()).schema;
    const layout = { ...EVENT_COLUMNS, ...PROVENANCE_COLUMNS };
    expect(fields.map((f) => [f.name, String(f.type), f.nullable])).toEqual(
      Object.entries(layout).map(([name, type]) => [
        name,
        type === 'text' ? 'Utf8' : 'Int64',
        false,
      ]),
    );
  });

  it('keeps integers up to 2^53 and any text', () => {
    const integers = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1, 2 ** 32));
    fc.assert(
      fc.property(fc.array(fc.tuple(integers, fc.string({ unit: 'binary' }))), (rows) => {
        const builder = createSegmentBuilder();
        for (const [value, text] of rows)
          builder.push(outcomeEvent({ pv: value, auction_id: text }), 0, 't', 0, 0);
        const bytes = builder.finish();
        const table = tableFromIPC(bytes);
        expect(Array.from(openColumns(bytes, 's').integers('pv'))).toEqual(rows.map(([v]) => v));
        const texts = Array.from(table.getChild('auction_id')!) as unknown[];
        expect(texts).toEqual(rows.map(([, t]) => t));
      }),
      { numRuns: 20 },
    );
  });
});
