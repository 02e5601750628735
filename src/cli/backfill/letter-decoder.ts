import type { BackfillPlan } from '../../contracts/index.ts';
import { dayOf } from '../../core/index.ts';
import type { Decoded, PlacedEvent, RecordDecoder } from '../../ingest/index.ts';

/** Its events with their days; none of a record that is filtered. */
function eventsIn(decoded: Decoded): readonly PlacedEvent[] {
  if (decoded.events !== undefined) return decoded.events;
  return decoded.event === undefined ? [] : [decoded];
}

/**
 * Decodes dead letters anew, those that arrived on the days of a replay: files hold letters of others,
 * too, which are another replay's. A letter that is still bad is one of the day it arrived on, whatever
 * else is now made of its text. One with an event of a day that is not named stays bad as a whole: the
 * event would be in no day, and its letter would count as replayed.
 */
export function letterDecoder(
  decoder: RecordDecoder,
  { from, to }: Pick<BackfillPlan, 'from' | 'to'>,
  utcOffsetMinutes: number,
): RecordDecoder {
  const isNamed = (day: string): boolean => day >= from && day <= to;
  return {
    // Not its scan, which would answer in this one's place.
    prepare: async (records) => decoder.prepare?.(records),
    decode(record) {
      const { arrivalMs } = record;
      if (!isNamed(dayOf(arrivalMs, utcOffsetMinutes)))
        return { filtered: 'arrived on another day', arrivalMs };
      const decoded = decoder.decode(record);
      if (decoded.bad !== undefined) return { ...decoded, arrivalMs };
      const other = eventsIn(decoded).find(({ day }) => !isNamed(day));
      if (other === undefined) return decoded;
      const field = other.event.kind === 'campaign' ? 'day' : 'event_time';
      const reason = `${field}: the event is of ${other.day}, a day that this replay does not name`;
      return { bad: { field, reason }, arrivalMs };
    },
  };
}
