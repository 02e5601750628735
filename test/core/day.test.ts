import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addDays,
  DAY_MS,
  type DayKey,
  dayKey,
  dayOf,
  daysBetween,
  dayStartMs,
  isVamoError,
  STEP_MS,
  stepOf,
  STEPS,
} from '../../src/core/index.ts';

const instant = fc.integer({ min: 0, max: 4_000_000_000_000 });
const day = instant.map((ms) => dayOf(ms));
const offset = fc.integer({ min: -840, max: 840 });
const count = fc.integer({ min: -4000, max: 4000 });

describe('dayKey', () => {
  it.each(['2026-01-05', '2024-02-29', '2000-02-29', '1999-12-31'])('accepts %s', (text) => {
    expect(dayKey(text)).toBe(text);
  });

  it.each([
    ...['2026-02-29', '2026-02-30', '2026-13-01', '2026-00-10', '2026-01-32', '1900-02-29'],
    ...[
      '2026-1-05',
      '26-01-05',
      '2026/01/05',
      '2026-01-05T00:00',
      ' 2026-01-05',
      '2026-01-05\n',
      '',
    ],
  ])('refuses %j and names it', (text) => {
    try {
      dayKey(text);
      expect.unreachable();
    } catch (error) {
      expect(isVamoError(error, 'USAGE')).toBe(true);
      expect((error as Error).message).toContain(`"${text}" is not a day`);
    }
  });
});

describe('days and instants', () => {
  it('a day holds its first and last millisecond and no other', () => {
    fc.assert(
      fc.property(day, offset, (key, minutes) => {
        const start = dayStartMs(key, minutes);
        expect(dayOf(start, minutes)).toBe(key);
        expect(dayOf(start + DAY_MS - 1, minutes)).toBe(key);
        expect(dayOf(start - 1, minutes)).toBe(addDays(key, -1));
        expect(dayOf(start + DAY_MS, minutes)).toBe(addDays(key, 1));
      }),
    );
  });

  it('an instant lies inside its step of its day', () => {
    fc.assert(
      fc.property(instant, offset, (ms, minutes) => {
        const step = stepOf(ms, minutes);
        const begin = dayStartMs(dayOf(ms, minutes), minutes) + step * STEP_MS;
        expect(step).toBeGreaterThanOrEqual(0);
        expect(step).toBeLessThan(STEPS);
        expect(ms - begin).toBeGreaterThanOrEqual(0);
        expect(ms - begin).toBeLessThan(STEP_MS);
      }),
    );
  });

  it('instants before the epoch have steps too', () => {
    expect(stepOf(-1)).toBe(95);
    expect(dayOf(-1)).toBe('1969-12-31');
  });

  it('east of UTC the day starts earlier', () => {
    expect(dayStartMs('2026-01-05' as DayKey, 480)).toBe(Date.UTC(2026, 0, 4, 16));
  });
});

describe('day arithmetic', () => {
  it('adding and counting are inverse', () => {
    fc.assert(
      fc.property(day, count, (key, n) => {
        expect(daysBetween(key, addDays(key, n))).toBe(n);
        expect(addDays(addDays(key, n), -n)).toBe(key);
      }),
    );
  });

  it('adds up and keeps the order of text', () => {
    fc.assert(
      fc.property(day, count, count, (key, a, b) => {
        expect(addDays(addDays(key, a), b)).toBe(addDays(key, a + b));
        expect(addDays(key, a) < key).toBe(a < 0);
      }),
    );
  });

  it('knows leap years', () => {
    expect(addDays('2024-02-28' as DayKey, 1)).toBe('2024-02-29');
    expect(addDays('2026-02-28' as DayKey, 1)).toBe('2026-03-01');
  });
});
