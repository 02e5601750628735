import {
  createTables,
  dropDay,
  type Engine,
  loadedDays,
  TABLES,
  type TableName,
  unmarkLoaded,
} from '../clickhouse/index.ts';
import { type DayKey, dayKey } from '../core/index.ts';

/**
 * Takes days out of the queryable copy that are not sealed any more: their backfill was undone.
 * @returns those taken out
 */
export async function unloadWithdrawn(
  engine: Engine,
  sealed: readonly DayKey[],
): Promise<DayKey[]> {
  for (const sql of createTables()) await engine.command(sql);
  const loaded = (await engine.query<{ day: string }>(loadedDays())).map(({ day }) => dayKey(day));
  const gone = loaded.filter((day) => !sealed.includes(day));
  for (const day of gone) {
    for (const table of Object.keys(TABLES) as TableName[])
      await engine.command(dropDay(table, day));
    await engine.command(unmarkLoaded(day));
  }
  return gone;
}
