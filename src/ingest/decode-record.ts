import {
  type AuctionEvent,
  decodeEvent,
  LATEST_MS,
  NUMBER_OF,
  type ScannedOutcome,
  SPAN_OF,
} from '../contracts/index.ts';
import { DAY_MS, dayOf, isVamoError } from '../core/index.ts';
import type { ReadRecord } from './event-source.ts';

/** A record that is no event we can keep, and why. */
export interface BadRecord {
  readonly field: string;
  readonly reason: string;
}

/** A reason without the values it names, which would make one of every record. */
export function withoutValues(reason: string): string {
  return reason.replace(/"[^"]*"/g, '""').replace(/\d+(\.\d+)?/g, '#');
}

/** An event and the day that stores it. */
export interface PlacedEvent {
  readonly event: AuctionEvent;
  readonly day: string;
  readonly bad?: never;
}

/** One of several events of a record, with an arrival time of its own. */
export interface ArrivedEvent extends PlacedEvent {
  readonly arrivalMs: number;
  /** Its place among the events of the mapping. */
  readonly entry: number;
  /** Many records give this same event: it is kept once an offset range. */
  readonly once?: true;
}

/**
 * What a record says: one event, which arrived with the record; several; nothing we could keep; or
 * nothing we want (`filtered`: by which rule). Every record is exactly one of these.
 */
export type Decoded =
  | (PlacedEvent & { readonly events?: never; readonly filtered?: never })
  | {
      readonly events: readonly ArrivedEvent[];
      readonly event?: never;
      readonly bad?: never;
      readonly filtered?: never;
    }
  | {
      readonly bad: BadRecord;
      /** When it arrived, where the record itself tells and not its source; NaN = only it could tell. */
      readonly arrivalMs?: number;
      readonly event?: never;
      readonly events?: never;
      readonly filtered?: never;
    }
  | {
      readonly filtered: string;
      /** As of a bad one. */
      readonly arrivalMs?: number;
      readonly event?: never;
      readonly events?: never;
      readonly bad?: never;
    };

export interface ScannedRecord {
  readonly outcome: ScannedOutcome;
  readonly day: string;
}

/** Turns records into events. The one place that knows a format. */
export interface RecordDecoder {
  /**
   * Fetches what decoding these records needs (schemas), awaited before they are decoded.
   * @throws VamoError, retriable: the partition waits and asks again; nothing is dead-lettered
   */
  prepare?(records: readonly ReadRecord[]): Promise<void>;
  /**
   * A cheaper answer for a record that holds the most common event in its plain form, good until the
   * next call; undefined = `decode` it. Where it answers, `decode` would say the same.
   */
  scan?(record: ReadRecord): ScannedRecord | undefined;
  /** Never throws for what a record holds. */
  decode(record: ReadRecord): Decoded;
}

/** What every decoder is told. */
export interface DecoderOptions {
  /** Configured tasks; events of others are bad. */
  readonly tasks: ReadonlySet<string>;
  readonly utcOffsetMinutes: number;
}

/** Reads an event in its wire form and finds its day. */
export type Placer = (wire: unknown) => PlacedEvent | { readonly bad: BadRecord };

/** A bad record of an error that names its field. Other errors are defects and thrown on. */
export function badOf(error: unknown): { readonly bad: BadRecord } {
  if (!isVamoError(error, 'EVENT_INVALID')) throw error;
  return { bad: { field: String(error.details['field']), reason: error.message } };
}

/** The day of a time in the platform's zone. */
function createDayFinder(utcOffsetMinutes: number): (ms: number) => string {
  const shiftMs = utcOffsetMinutes * 60_000;
  // Records come nearly in order of time: the day before is nearly always the day again.
  let cachedNumber = Number.NaN;
  let cachedDay = '';
  return (ms) => {
    const number = Math.floor((ms + shiftMs) / DAY_MS);
    if (number !== cachedNumber) {
      cachedNumber = number;
      cachedDay = dayOf(ms, utcOffsetMinutes);
    }
    return cachedDay;
  };
}

/** Places a scanned outcome: the day of its time; undefined when no configuration names its task. */
export function createScanPlacer({
  tasks,
  utcOffsetMinutes,
}: DecoderOptions): (outcome: ScannedOutcome) => ScannedRecord | undefined {
  const dayAt = createDayFinder(utcOffsetMinutes);
  const known = [...tasks].map((task) => Buffer.from(task));
  const isKnown = ({ bytes, spans }: ScannedOutcome): boolean => {
    const start = spans[SPAN_OF.task] ?? 0;
    const length = (spans[SPAN_OF.task + 1] ?? 0) - start;
    return known.some(
      (task) => task.length === length && task.every((byte, i) => byte === bytes[start + i]),
    );
  };
  return (outcome) =>
    isKnown(outcome)
      ? { outcome, day: dayAt(outcome.numbers[NUMBER_OF.event_time] ?? 0) }
      : undefined;
}

/** A task that no configuration names. */
function unknownTask(task: string, configured: string): { readonly bad: BadRecord } {
  const reason = `task: "${task}" is not configured; must be one of tasks (${configured})`;
  return { bad: { field: 'task', reason } };
}

/**
 * The end of every decoder: checks an event in its wire form and says which day stores it, a campaign
 * event's own day, else the day of its time in the platform's zone.
 */
export function createPlacer({ tasks, utcOffsetMinutes }: DecoderOptions): Placer {
  const dayAt = createDayFinder(utcOffsetMinutes);
  const configured = [...tasks].join(', ');

  return (wire) => {
    try {
      const event = decodeEvent(wire);
      if ('task' in event && !tasks.has(event.task)) return unknownTask(event.task, configured);
      return { event, day: event.kind === 'campaign' ? event.day : dayAt(event.event_time) };
    } catch (error) {
      return badOf(error);
    }
  };
}

/** Why a time (of arrival, if it is not said otherwise) cannot be used; undefined when it can. */
export function badTime(ms: number, field = 'arrival_ms'): BadRecord | undefined {
  // One arrival in microseconds would lie beyond every cut, and make all that follows it late.
  if (Number.isInteger(ms) && ms >= 0 && ms <= LATEST_MS) return undefined;
  return { field, reason: `${field}: ${ms}; must be whole milliseconds, at most ${LATEST_MS}` };
}
