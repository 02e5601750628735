import { readLedgers, type ObjectStore } from '../../store/index.ts';
import { daysOf, listBackfills, storeOfBackfill } from './records.ts';

/**
 * Dead letters that a finished replay could read, by the day they arrived on: they are bad no longer.
 * However many replays read a letter, it counts once. From plans and ledgers alone, so that it holds
 * whether or not the day of arrival got a generation.
 * @throws VamoError INGEST_LEDGER, STORE_CORRUPT
 */
export async function replayedByDay(store: ObjectStore): Promise<Map<string, number>> {
  /** Of each file and day, the most that a replay could read. */
  const found = new Map<string, { readonly day: string; readonly read: number }>();
  for (const { plan, isDone, isUndone } of await listBackfills(store)) {
    if (plan.source.kind !== 'dead-letters' || !isDone || isUndone) continue;
    const entries = await readLedgers(storeOfBackfill(store, plan.id));
    // The files of a replay are its partitions, in their order.
    for (const [partition, { key, byDay }] of plan.source.files.entries())
      for (const day of daysOf(plan)) {
        const bad = entries
          .filter((entry) => entry.partition === partition)
          .reduce((sum, { deadLetters }) => sum + (deadLetters?.byDay[day] ?? 0), 0);
        const read = (byDay[day] ?? 0) - bad;
        const known = found.get(`${key} ${day}`)?.read ?? 0;
        if (read > known) found.set(`${key} ${day}`, { day, read });
      }
  }
  const sums = new Map<string, number>();
  for (const { day, read } of found.values()) sums.set(day, (sums.get(day) ?? 0) + read);
  return sums;
}
