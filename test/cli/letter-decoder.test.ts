import { describe, expect, it } from 'vitest';
import { letterDecoder } from '../../src/cli/backfill/letter-decoder.ts';
import { type AuctionEvent, encodeEvent } from '../../src/contracts/index.ts';
import { dayKey, dayStartMs, DAY_MS } from '../../src/core/index.ts';
import { createJsonDecoder, type RecordDecoder } from '../../src/ingest/index.ts';
import { outcomeEvent, recordOf } from '../helpers/ingest-records.ts';

const DAY = dayKey('2026-01-05');
const NEXT = dayKey('2026-01-06');
const START = dayStartMs(DAY);
const named = { from: DAY, to: DAY };
const readerAt = (utcOffsetMinutes: number, tasks = ['store']): RecordDecoder =>
  letterDecoder(
    createJsonDecoder({ tasks: new Set(tasks), utcOffsetMinutes }),
    named,
    utcOffsetMinutes,
  );
const reader = readerAt(0);

const decode = (eventTime: number, arrivalMs: number, by = reader) => {
  const { value } = recordOf(outcomeEvent({ event_time: eventTime }));
  return by.decode({ offset: 0, arrivalMs, value });
};

describe('dead letters decoded anew', () => {
  it('are events when they came and happened on days that are named', () => {
    expect(decode(START + 1, START + 2).event?.event_time).toBe(START + 1);
  });

  it('stay bad, on the day they arrived, when they are no events or of a day that is not named', () => {
    const arrivalMs = START + 5;
    const before = decode(START - 1, arrivalMs);
    expect(before).toMatchObject({ arrivalMs, bad: { field: 'event_time' } });
    expect(before.bad?.reason).toContain('of 2026-01-04, a day that this replay does not name');
    expect(decode(START + DAY_MS, arrivalMs)).toMatchObject({ bad: { field: 'event_time' } });
    expect(decode(START, arrivalMs, readerAt(0, ['cart']))).toMatchObject({
      arrivalMs,
      bad: { field: 'task' },
    });
  });

  it('name the day of a campaign that begins on another one', () => {
    const campaign: AuctionEvent = {
      kind: 'campaign',
      event_id: 'k-1',
      event_time: START + 1,
      campaign_id: 'c-1',
      advertiser_id: '',
      task: 'store',
      day: NEXT,
      budget: 1_000_000,
      status: 'active',
      cpa_limit: 0,
    };
    const value = JSON.stringify(encodeEvent(campaign));
    expect(reader.decode({ offset: 0, arrivalMs: START + 2, value }).bad).toMatchObject({
      field: 'day',
      reason: 'day: the event is of 2026-01-06, a day that this replay does not name',
    });
  });

  it.each([
    ['an event of a named day', START + DAY_MS - 1],
    ['an event of its own day', START + DAY_MS],
    ['nothing that is an event', Number.NaN],
  ])('are the replay of another day, with %s, when they arrived on that', (_, eventTime) => {
    const arrivalMs = START + DAY_MS + 10;
    expect(decode(eventTime, arrivalMs)).toEqual({ filtered: 'arrived on another day', arrivalMs });
  });

  it("go by the platform's days", () => {
    // In this zone the day begins eight hours earlier.
    const east = readerAt(480);
    const dawn = START - 8 * 3_600_000;
    expect(decode(dawn, dawn, east).event).toBeDefined();
    expect(decode(dawn - 1, dawn, east).bad?.reason).toContain('2026-01-04');
    expect(decode(dawn - 1, dawn - 1, east).filtered).toBeDefined();
    expect(decode(START, START + DAY_MS - 1, east).filtered).toBeDefined();
  });

  it('become all of their events or none', () => {
    const at = (day: string) => ({ event: outcomeEvent(), day, arrivalMs: START, entry: 0 });
    const by = (...days: string[]) =>
      decode(START, START, letterDecoder({ decode: () => ({ events: days.map(at) }) }, named, 0));
    expect(by(DAY, DAY).events).toHaveLength(2);
    expect(by(DAY, NEXT).bad?.reason).toContain('2026-01-06');
    expect(by(NEXT, DAY).bad?.reason).toContain('2026-01-06');
  });

  it('may be filtered', () => {
    const filtering = letterDecoder({ decode: () => ({ filtered: 'test' }) }, named, 0);
    expect(decode(START - 1, START, filtering)).toEqual({ filtered: 'test' });
  });
});
