import { isRunning, ownProcess } from '../core/index.ts';
import { LOCK_TIMES } from './lock.ts';
import { holderOf, keyOf, latest } from './lock-record.ts';
import type { ObjectStore } from './object-store.ts';

/** Whether some process holds a role now, as far as can be told without waiting for a sign of life. */
export async function isHeld(store: ObjectStore, role: string, nowMs: number): Promise<boolean> {
  const turn = await latest(store, role);
  if (turn === 0) return false;
  const holder = await holderOf(store, role, turn);
  // A later one has just taken over.
  if (holder === undefined) return true;
  if (holder.released) return false;
  if (holder.host === ownProcess().host) return isRunning(holder);
  return (await store.modifiedMs(keyOf(role, turn))) > nowMs - LOCK_TIMES.silentMs;
}
