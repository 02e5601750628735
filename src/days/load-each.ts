import {
  type DayKey,
  type ErrorCode,
  isVamoError,
  throwIfAborted,
  VamoError,
} from '../core/index.ts';

/** Every other day would fail the same. */
const OF_ALL: ReadonlySet<ErrorCode> = new Set(['INTERRUPTED', 'SQL_UNREACHABLE', 'SQL_OWNED']);

/**
 * Loads days one after the other. One that cannot be loaded does not keep the others out: all are
 * tried, then the failure names those that are not there.
 * @throws VamoError the first failure's, with the days
 */
export async function loadEach<D extends { readonly day: DayKey }>(
  days: readonly D[],
  load: (one: D, index: number) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const failed: { readonly day: DayKey; readonly error: VamoError }[] = [];
  for (const [i, one] of days.entries()) {
    throwIfAborted(signal);
    try {
      await load(one, i);
    } catch (error) {
      if (!isVamoError(error) || OF_ALL.has(error.code)) throw error;
      failed.push({ day: one.day, error });
    }
  }
  const [first, ...others] = failed;
  if (first === undefined) return;
  const { code, message, mend, details } = first.error;
  const more = others.length === 0 ? '' : `; nor ${others.map(({ day }) => day).join(', ')}`;
  throw new VamoError(code, `day ${first.day} was not loaded into ClickHouse: ${message}${more}`, {
    details: { ...details, days: failed.map(({ day }) => day) },
    mend,
    cause: first.error,
  });
}
