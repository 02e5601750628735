import { describe, expect, it } from 'vitest';
import { letterDecoder } from '../../src/cli/backfill/letter-decoder.ts';
import { createJsonDecoder, type RecordDecoder } from '../../src/ingest/index.ts';
import { outcomeEvent, recordOf } from '../helpers/ingest-records.ts';
import { dayKey, dayStartMs, DAY_MS } from '../../src/core/index.ts';

const START = dayStartMs(dayKey('2026-01-05'));
const options = { tasks: new Set(['store']), utcOffsetMinutes: 0 };
const named = { from: '2026-01-05', to: '2026-01-05' };
const reader = letterDecoder(createJsonDecoder(options), named, 0);

const decode = (eventTime: number, arrivalMs: number, task = 'store', by = reader) => {
  const { value } = recordOf(outcomeEvent({ event_time: eventTime, task }));
  return by.decode({ offset: 0, arrivalMs, value });
};

describe('dead letters decoded anew', () => {
  it('are events when they happened on a day that is named', () => {
    expect(decode(START + 1, START + 2).event?.event_time).toBe(START + 1);
  });

  it('stay bad, on the day they arrived, when they are no events or of a day that is not named', () => {
    const arrivalMs = START + 5;
    const expected = { arrivalMs, bad: { field: 'event_time' } };
    const before = decode(START - 1, arrivalMs);
    expect(before).toMatchObject(expected);
    expect(before.bad?.reason).toContain('of 2026-01-04, a day that this replay does not name');
    expect(decode(START + DAY_MS, arrivalMs)).toMatchObject(expected);
    expect(decode(START, arrivalMs, 'cart')).toMatchObject({ arrivalMs, bad: { field: 'task' } });
  });

  it('are left to the replay of their own day when they arrived on another', () => {
    expect(decode(START - 1, START - 1).event).toBeDefined();
  });

  it('become all of their events or none', () => {
    const at = (day: string) => ({ event: outcomeEvent(), day, arrivalMs: START, entry: 0 });
    const several = (...days: string[]): RecordDecoder =>
      letterDecoder({ decode: () => ({ events: days.map(at) }) }, named, 0);
    const by = (...days: string[]) => decode(START, START, 'store', several(...days));
    expect(by('2026-01-05', '2026-01-05').events).toHaveLength(2);
    expect(by('2026-01-05', '2026-01-06').bad?.reason).toContain('2026-01-06');
  });

  it('may be filtered', () => {
    const filtering = letterDecoder({ decode: () => ({ filtered: 'test' }) }, named, 0);
    expect(decode(START - 1, START, 'store', filtering)).toEqual({ filtered: 'test' });
  });
});
