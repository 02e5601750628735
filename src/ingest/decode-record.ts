import { type AuctionEvent, decodeEvent, LATEST_MS } from '../contracts/index.ts';
import { DAY_MS, dayOf, isVamoError, VamoError } from '../core/index.ts';
import type { ReadRecord } from './event-source.ts';

/** A record that is no event we can keep, and why. */
export interface BadRecord {
  readonly field: string;
  readonly reason: string;
}

export type Decoded =
  | { readonly event: AuctionEvent; readonly day: string; readonly bad?: never }
  | { readonly bad: BadRecord; readonly event?: never };

function parse(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    throw new VamoError('EVENT_INVALID', 'not JSON', { details: { field: 'value' } });
  }
}

/**
 * Decodes records and says which day stores them: a campaign event's own day, else the day of its
 * time in the platform's zone.
 */
export function createRecordDecoder(options: {
  readonly tasks: ReadonlySet<string>;
  readonly utcOffsetMinutes: number;
}): (record: ReadRecord) => Decoded {
  const { tasks, utcOffsetMinutes } = options;
  // Records come nearly in order of time: the day before is nearly always the day again.
  let cachedNumber = Number.NaN;
  let cachedDay = '';
  const dayAt = (ms: number): string => {
    const number = Math.floor((ms + utcOffsetMinutes * 60_000) / DAY_MS);
    if (number !== cachedNumber) {
      cachedNumber = number;
      cachedDay = dayOf(ms, utcOffsetMinutes);
    }
    return cachedDay;
  };

  return (record) => {
    // One arrival in microseconds would lie beyond every cut, and make all that follows it late.
    if (!Number.isInteger(record.arrivalMs) || record.arrivalMs < 0 || record.arrivalMs > LATEST_MS)
      return {
        bad: {
          field: 'arrival_ms',
          reason: `arrival_ms: ${record.arrivalMs}; must be whole milliseconds, at most ${LATEST_MS}`,
        },
      };
    try {
      const event = decodeEvent(parse(record.value));
      if ('task' in event && !tasks.has(event.task))
        return { bad: { field: 'task', reason: `task: "${event.task}" is not configured` } };
      return { event, day: event.kind === 'campaign' ? event.day : dayAt(event.event_time) };
    } catch (error) {
      if (!isVamoError(error, 'EVENT_INVALID')) throw error;
      return { bad: { field: String(error.details['field']), reason: error.message } };
    }
  };
}
