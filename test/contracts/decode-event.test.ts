import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEvent, encodeEvent } from '../../src/contracts/index.ts';
import { isVamoError } from '../../src/core/index.ts';
import { makeRecords, outcomeEvent } from '../helpers/ingest-records.ts';

const wire = (over: Record<string, unknown> = {}) => ({ ...encodeEvent(outcomeEvent()), ...over });

describe('decodeEvent', () => {
  it('is the inverse of encodeEvent for every kind', () => {
    const { records, good } = makeRecords(400);
    for (const i of good) {
      const json = JSON.parse(records[i]!.value) as Record<string, unknown>;
      expect(encodeEvent(decodeEvent(json))).toEqual(json);
    }
  });

  it('turns decimals into whole storage units, ignores unknown fields, fills optional ones', () => {
    const {
      pv_sigma: _a,
      shown: _b,
      competing_2: _c,
      competing_3: _d,
      model_version: _e,
      ...least
    } = wire({ bid: 0.1 + 0.2, extra: { nested: true } });
    expect(decodeEvent(least)).toEqual({
      ...outcomeEvent(),
      bid: 300_000,
      pv_sigma: 0,
      shown: 0,
      competing_2: 0,
    });
  });

  it.each([
    ['event', null],
    ['event', 'text'],
    ['event', []],
    ['v', wire({ v: 2 })],
    ['kind', wire({ kind: 'click' })],
    ['event_id', wire({ event_id: '' })],
    ['event_id', wire({ event_id: 'with space' })],
    ['campaign_id', wire({ campaign_id: 'é' })],
    ['auction_id', wire({ auction_id: 'x'.repeat(129) })],
    ['event_time', wire({ event_time: '1767571200000' })],
    ['event_time', wire({ event_time: 1.5 })],
    ['event_time', wire({ event_time: -1 })],
    ['task', wire({ task: undefined })],
    ['pv', wire({ pv: null })],
    ['pv', wire({ pv: -0.1 })],
    ['bid', wire({ bid: 1e15 })],
    ['bid', wire({ bid: Number.NaN })],
    ['slot', wire({ slot: 4 })],
    ['exposed', wire({ exposed: 1 })],
    ['exposed', wire({ slot: 0 })],
    ['exposed', wire({ slot: 3, shown: 2 })],
    ['cost', wire({ exposed: false, slot: 0 })],
    ['competing_2', wire({ competing_1: 0.1 })],
    ['competing_3', wire({ competing_3: 0.75 })],
    ['day', { ...wire(), kind: 'campaign', day: '2026-02-30', budget: 1, status: 'active' }],
    ['status', { ...wire(), kind: 'campaign', day: '2026-02-03', budget: 1, status: 'on' }],
    ['gmv', { ...wire(), kind: 'conversion', outcome_id: 'o' }],
    ['items', { ...wire(), kind: 'cart', outcome_id: 'o', items: 1.5 }],
  ])('names %s when it refuses', (field, json) => {
    expect(() => decodeEvent(json)).toThrow(
      expect.objectContaining({
        code: 'EVENT_INVALID',
        message: expect.stringMatching(new RegExp(`^${field}: `)) as string,
        details: expect.objectContaining({ field }) as object,
      }),
    );
  });

  it('throws nothing but EVENT_INVALID, whatever it is given', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(0, 1, '', 'a', true, 'outcome', 'cart'));
    const keys = Object.keys(wire());
    const event = fc.dictionary(fc.constantFrom(...keys), value).map((over) => wire(over));
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), event), (json) => {
        try {
          decodeEvent(json);
          return true;
        } catch (error) {
          return isVamoError(error, 'EVENT_INVALID');
        }
      }),
    );
  });
});
