import { dayFingerprint, type Engine, type TableName } from '../clickhouse/index.ts';
import { type DayKey, isVamoError, throwIfAborted } from '../core/index.ts';
import type { Fingerprint } from '../store/index.ts';
import { daysInCopy } from './unload.ts';

/** What each table of the queryable copy holds of a day; a text says why that cannot be read. */
export type Held = Readonly<Record<TableName, Fingerprint>> | string;

/** What the queryable copy holds of a day. */
export interface CopiedDay {
  /** What it was loaded from; 0 when nothing says so, or it was being changed. */
  readonly generation: number;
  readonly held: Held;
}

/** @throws VamoError SQL_UNREACHABLE */
export async function heldInCopy(engine: Engine, day: DayKey): Promise<Held> {
  const of = async (table: TableName): Promise<Fingerprint> => {
    const [found] = await engine.query<Fingerprint>(dayFingerprint(table, day));
    return found ?? { rows: 0, hash: '0' };
  };
  try {
    return { events: await of('events'), steps: await of('steps') };
  } catch (error) {
    if (isVamoError(error, 'SQL_FAILED')) return error.message;
    throw error;
  }
}

/**
 * All that there is to compare of the queryable copy, so that the engine can be closed before any file
 * is read.
 * @param only of this day alone
 * @throws VamoError SQL_FAILED when the copy cannot be read at all; SQL_UNREACHABLE, INTERRUPTED
 */
export async function readCopy(
  engine: Engine,
  only?: DayKey,
  signal?: AbortSignal,
): Promise<Map<DayKey, CopiedDay>> {
  const before = await daysInCopy(engine);
  const held = new Map<DayKey, Held>();
  for (const day of only === undefined ? before.keys() : [only]) {
    throwIfAborted(signal);
    if (before.has(day)) held.set(day, await heldInCopy(engine, day));
  }
  // On a server another process may load meanwhile: what was read then is of no generation.
  const after = await daysInCopy(engine);
  const generationOf = (day: DayKey): number =>
    before.get(day) === after.get(day) ? (after.get(day) ?? 0) : 0;
  return new Map([...held].map(([day, of]) => [day, { generation: generationOf(day), held: of }]));
}
