import type { BackfillPlan } from '../../contracts/index.ts';
import { dayOf } from '../../core/index.ts';
import type { Decoded, RecordDecoder } from '../../ingest/index.ts';

/** The days of its events; none of a record that is filtered. */
function daysIn(decoded: Decoded): string[] {
  if (decoded.events !== undefined) return decoded.events.map(({ day }) => day);
  return decoded.event === undefined ? [] : [decoded.day];
}

/**
 * Decodes dead letters anew. A letter that is still bad is one of the day it arrived on, whatever else is
 * now made of its text. One of a named day with an event of a day that is not named stays bad too: such
 * an event would be in no day, and its letter would count as replayed.
 */
export function letterDecoder(
  decoder: RecordDecoder,
  { from, to }: Pick<BackfillPlan, 'from' | 'to'>,
  utcOffsetMinutes: number,
): RecordDecoder {
  const isNamed = (day: string): boolean => day >= from && day <= to;
  return {
    ...decoder,
    decode(record) {
      const { arrivalMs } = record;
      const decoded = decoder.decode(record);
      if (decoded.bad !== undefined) return { ...decoded, arrivalMs };
      if (!isNamed(dayOf(arrivalMs, utcOffsetMinutes))) return decoded;
      const other = daysIn(decoded).find((day) => !isNamed(day));
      if (other === undefined) return decoded;
      const reason = `event_time: the event is of ${other}, a day that this replay does not name`;
      return { bad: { field: 'event_time', reason }, arrivalMs };
    },
  };
}
