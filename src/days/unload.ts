import {
  copiedDays,
  createTables,
  dropDay,
  type Engine,
  TABLES,
  type TableName,
  unmarkLoaded,
} from '../clickhouse/index.ts';
import { type DayKey, dayKey } from '../core/index.ts';

/** By day: the generation that the queryable copy was loaded from; 0 when it does not say. */
export async function daysInCopy(engine: Engine): Promise<Map<DayKey, number>> {
  for (const sql of createTables()) await engine.command(sql);
  const found = await engine.query<{ day: string; generation: number }>(copiedDays());
  return new Map(found.map(({ day, generation }) => [dayKey(day), generation]));
}

/**
 * Takes days out of the queryable copy that are not sealed: their backfill was undone.
 * @returns those taken out
 */
export async function unloadWithdrawn(
  engine: Engine,
  sealed: readonly DayKey[],
): Promise<DayKey[]> {
  const gone = [...(await daysInCopy(engine)).keys()].filter((day) => !sealed.includes(day));
  for (const day of gone) {
    for (const table of Object.keys(TABLES) as TableName[])
      await engine.command(dropDay(table, day));
    await engine.command(unmarkLoaded(day));
  }
  return gone;
}
