import { describe, expect, it } from 'vitest';
import { createJsonDecoder } from '../../src/ingest/index.ts';
import { makeRecords, outcomeEvent, recordOf } from '../helpers/ingest-records.ts';

const decoder = createJsonDecoder({ tasks: new Set(['store', 'cart']), utcOffsetMinutes: 60 });
const decode = (value: unknown, arrivalMs = 5) => decoder.decode({ offset: 0, arrivalMs, value });

describe('JSON decoder', () => {
  it('decodes bytes, text and parsed values alike', () => {
    for (const { value } of makeRecords(300).records) {
      const ofText = decode(value);
      expect(decode(Buffer.from(value))).toEqual(ofText);
      expect(decode(new TextEncoder().encode(value))).toEqual(ofText);
      if (ofText.bad?.field !== 'value') expect(decode(JSON.parse(value))).toEqual(ofText);
    }
  });

  it('takes text beyond ASCII in fields it ignores, and refuses it in those it reads', () => {
    const wire = JSON.parse(recordOf(outcomeEvent()).value) as Record<string, unknown>;
    const noted = JSON.stringify({ ...wire, note: 'naïve “日本” \u{1f600}' });
    expect(decode(Buffer.from(noted))).toEqual({ event: outcomeEvent(), day: '2026-01-05' });
    const named = JSON.stringify({ ...wire, campaign_id: 'é' });
    expect(decode(Buffer.from(named)).bad?.field).toBe('campaign_id');
  });

  it.each([
    ['a tombstone', null],
    ['no bytes', Buffer.alloc(0)],
    ['half an object', Buffer.from('{"v":1')],
    ['bytes that are no text', Buffer.from([0, 0, 0, 0, 1, 0xff])],
  ])('calls %s bad', (_, value) => {
    expect(decode(value).bad?.reason).toMatch(/^(not JSON|event: must be a JSON object)/);
  });
});
