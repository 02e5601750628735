import { addDays, type DayKey, VamoError } from '../core/index.ts';

/** Sizes in days of the rolling window, oldest part first: history, train, validation, test. */
export interface WindowSizes {
  readonly history: number;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

/** Consecutive days of each part, oldest first. */
export type WindowPlan = Readonly<Record<keyof WindowSizes, readonly DayKey[]>>;

/**
 * The rolling split that ends with `testDay` (default: the newest sealed day). Days are consecutive
 * on the calendar: a gap would break the phase of the market history.
 * @throws VamoError WINDOW_INCOMPLETE naming the days that are not sealed
 */
export function planWindow(options: {
  readonly sealed: readonly DayKey[];
  readonly window: WindowSizes;
  readonly testDay?: DayKey | undefined;
}): WindowPlan {
  const { sealed, window } = options;
  const last = options.testDay ?? [...sealed].sort().at(-1);
  if (last === undefined) throw new VamoError('WINDOW_INCOMPLETE', 'no day is sealed yet');
  const length = window.history + window.train + window.validation + window.test;
  const days = Array.from({ length }, (_, i) => addDays(last, i + 1 - length));
  const have = new Set(sealed);
  const missing = days.filter((day) => !have.has(day));
  if (missing.length > 0)
    throw new VamoError(
      'WINDOW_INCOMPLETE',
      `the window of ${length} days that ends on ${last} lacks ${missing.join(', ')}`,
      { details: { missing, window } },
    );
  const take = (n: number): readonly DayKey[] => days.splice(0, n);
  return {
    history: take(window.history),
    train: take(window.train),
    validation: take(window.validation),
    test: take(window.test),
  };
}
