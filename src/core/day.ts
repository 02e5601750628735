import { VamoError } from './errors.ts';

/** A calendar date 'YYYY-MM-DD' in the platform's fixed-offset zone. */
export type DayKey = string & { readonly __brand: 'DayKey' };

/** Decision steps of a day; paper section 2, T = 96. */
export const STEPS = 96;
export const MINUTE_MS = 60_000;
export const STEP_MS = 15 * MINUTE_MS;
export const DAY_MS = STEPS * STEP_MS;

const PATTERN = /^\d{4}-\d{2}-\d{2}$/;

/** Parses a date, refusing what the calendar does not have (2026-02-30). */
export function dayKey(text: string): DayKey {
  const ms = PATTERN.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (!Number.isFinite(ms) || new Date(ms).toISOString().slice(0, 10) !== text)
    throw new VamoError('USAGE', `"${text}" is not a day; write YYYY-MM-DD`, {
      details: { value: text },
    });
  return text as DayKey;
}

/** The first millisecond (UTC epoch) of a day, in a zone `utcOffsetMinutes` east of UTC. */
export function dayStartMs(day: DayKey, utcOffsetMinutes = 0): number {
  return Date.parse(`${day}T00:00:00Z`) - utcOffsetMinutes * 60_000;
}

/** The day that holds an instant. */
export function dayOf(ms: number, utcOffsetMinutes = 0): DayKey {
  return new Date(ms + utcOffsetMinutes * 60_000).toISOString().slice(0, 10) as DayKey;
}

/** The step 0..95 of an instant inside its day. */
export function stepOf(ms: number, utcOffsetMinutes = 0): number {
  const local = ms + utcOffsetMinutes * 60_000;
  return Math.floor((local - Math.floor(local / DAY_MS) * DAY_MS) / STEP_MS);
}

/** The day `n` days later (earlier when negative). */
export function addDays(day: DayKey, n: number): DayKey {
  return dayOf(dayStartMs(day) + n * DAY_MS);
}

/** Whole days from `a` to `b`. */
export function daysBetween(a: DayKey, b: DayKey): number {
  return Math.round((dayStartMs(b) - dayStartMs(a)) / DAY_MS);
}

/** Monday = 0 ... Sunday = 6. */
export function weekdayOf(day: DayKey): number {
  return (new Date(dayStartMs(day)).getUTCDay() + 6) % 7;
}
