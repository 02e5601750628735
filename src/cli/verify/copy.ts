import { existsSync } from 'node:fs';
import { type DayKey, isVamoError } from '../../core/index.ts';
import { type CopiedDay, readCopy, requireOwner } from '../../days/index.ts';
import { findIdentity, isHeld, listSealedDays } from '../../store/index.ts';
import {
  clickHouseFolder,
  clickHousePlace,
  isLoaderAtWork,
  openClickHouseWhenFree,
} from '../clickhouse.ts';
import type { Context } from '../context.ts';

/** The queryable copy as it was at a moment; nothing of it is open any more. */
export interface CopyLook {
  readonly days: ReadonlyMap<DayKey, CopiedDay>;
  /** Why nothing could be read and what mends it, or null. */
  readonly unread: string | null;
  /** The newest generation of every day that was sealed just after. */
  readonly newest: ReadonlyMap<DayKey, number>;
  /** Whether what is not there as it is sealed may be on its way. */
  readonly isMoving: (day: DayKey) => boolean;
}

/**
 * Reads what the copy holds, of one day or of all. The engine is closed again before anything is
 * compared: a seal that waits for it is not kept waiting. Who makes a generation holds the role
 * `sealer` until it is loaded, or leaves that to the holder of `loader`. So what was sealed before
 * these roles were asked for, and they before the copy, is in the copy unless somebody is at work.
 * @throws VamoError SQL_UNREACHABLE, ENGINE_UNAVAILABLE, CONFIG_INVALID, INTERRUPTED
 */
export async function lookAtCopy(context: Context, only?: DayKey): Promise<CopyLook> {
  const { store, now } = context;
  const before = await newestOf(context);
  const isAtWork = (await isHeld(store, 'sealer', now())) || (await isLoaderAtWork(context));
  const read = await readUnlessBroken(context, only);
  const newest = await newestOf(context);
  return { ...read, newest, isMoving: (day) => isAtWork || before.get(day) !== newest.get(day) };
}

const newestOf = async ({ store }: Context): Promise<Map<DayKey, number>> =>
  new Map((await listSealedDays(store)).map(({ day, generation }) => [day, generation]));

/** With these the copy is to blame, or whoever has it open; the files can be told of all the same. */
const UNREAD = new Set(['SQL_FAILED', 'SQL_OWNED', 'STORE_IO', 'DATA_LOCKED']);

async function readUnlessBroken(
  context: Context,
  only?: DayKey,
): Promise<Pick<CopyLook, 'days' | 'unread'>> {
  const { isEmbedded } = await clickHousePlace(context);
  if (isEmbedded && !existsSync(clickHouseFolder(context.root)))
    return { days: new Map(), unread: null };
  try {
    const engine = await openClickHouseWhenFree(context);
    try {
      await requireOwner(engine, await findIdentity(context.store));
      return { days: await readCopy(engine, only, context.signal), unread: null };
    } finally {
      await engine.close();
    }
  } catch (error) {
    if (!isVamoError(error) || !UNREAD.has(error.code)) throw error;
    const isSound = error.code === 'DATA_LOCKED' || error.code === 'SQL_OWNED';
    const mend = isSound ? error.mend : 'Run `vamo rebuild --all`.';
    return { days: new Map(), unread: `${error.message}. ${mend}` };
  }
}
