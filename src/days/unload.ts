import {
  copiedDays,
  createTables,
  dropDay,
  dropTables,
  type Engine,
  LIST_STAGES,
  TABLES,
  type TableName,
  unmarkLoaded,
} from '../clickhouse/index.ts';
import { type DayKey, dayKey } from '../core/index.ts';
import { claimCopy, type Loader, requireOwner } from './copy-owner.ts';

/** By day: the generation that the queryable copy was loaded from; 0 when it does not say. */
export async function daysInCopy(engine: Engine): Promise<Map<DayKey, number>> {
  for (const sql of createTables()) await engine.command(sql);
  const found = await engine.query<{ day: string; generation: number }>(copiedDays());
  return new Map(found.map(({ day, generation }) => [dayKey(day), generation]));
}

/**
 * Takes days out of the queryable copy that are not sealed: their backfill was undone.
 * @returns those taken out
 * @throws VamoError SQL_OWNED when the copy is that of another data directory, whose days they are
 */
export async function unloadWithdrawn(
  engine: Engine,
  loader: Loader,
  sealed: readonly DayKey[],
): Promise<DayKey[]> {
  await claimCopy(engine, loader);
  const gone = [...(await daysInCopy(engine)).keys()].filter((day) => !sealed.includes(day));
  for (const day of gone) {
    for (const table of Object.keys(TABLES) as TableName[])
      await engine.command(dropDay(table, day));
    await engine.command(unmarkLoaded(day));
  }
  return gone;
}

/** Takes the whole queryable copy away. @throws VamoError SQL_OWNED when it is another's */
export async function dropCopy(engine: Engine, { owner }: Loader): Promise<void> {
  await requireOwner(engine, owner);
  const stages = await engine.query<{ name: string }>(LIST_STAGES);
  for (const sql of dropTables(stages.map(({ name }) => name))) await engine.command(sql);
}
