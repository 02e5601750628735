import { randomUUID } from 'node:crypto';
import { type ProcessIdentity, sleep, VamoError } from '../core/index.ts';
import { bytesOf, holderOf, keyOf, latest, type LockRecord, turnOf } from './lock-record.ts';
import type { ObjectStore } from './object-store.ts';

/** Times of a lock, ms. */
export interface LockTimes {
  /** How often a holder shows that it lives. */
  readonly beatMs: number;
  /** A holder on another host that shows nothing for so long has ended. */
  readonly silentMs: number;
}

export const LOCK_TIMES: LockTimes = { beatMs: 5000, silentMs: 60_000 };

/** Whether a holder lives: on this host the system tells, on another its beats do. */
async function isAlive(
  store: ObjectStore,
  at: { readonly role: string; readonly turn: number; readonly holder: LockRecord },
  self: ProcessIdentity,
  isRunning: (holder: ProcessIdentity) => boolean,
  { beatMs, silentMs }: LockTimes,
): Promise<boolean> {
  const { role, turn, holder } = at;
  if (holder.host === self.host) return isRunning(holder);
  for (let waited = 0; waited < silentMs; waited += beatMs) {
    await sleep(beatMs);
    const now = await holderOf(store, role, turn);
    if (now === undefined || now.released) return false;
    if (now.beat !== holder.beat) return true;
  }
  return false;
}

/**
 * Takes the lock of a role and returns its release. A lock is a numbered turn, created only if
 * absent; the holder of the highest turn holds the role until it releases it or its process ends.
 * The next one takes over by creating the next turn, which only one can: no file is ever unlocked by
 * deleting it, so two that both see a dead holder cannot both get in. A holder on another host (a
 * container that was replaced) is waited for: without a sign of life for a minute it has ended.
 * @throws VamoError DATA_LOCKED naming process id, host and role of the holder
 */
export async function takeLock(
  store: ObjectStore,
  role: string,
  self: ProcessIdentity,
  isRunning: (holder: ProcessIdentity) => boolean,
  times: LockTimes = LOCK_TIMES,
): Promise<() => Promise<void>> {
  const nonce = randomUUID();
  for (;;) {
    const turn = await latest(store, role);
    if (turn > 0) {
      const holder = await holderOf(store, role, turn);
      if (holder === undefined) continue;
      const at = { role, turn, holder };
      if (!holder.released && (await isAlive(store, at, self, isRunning, times)))
        throw new VamoError(
          'DATA_LOCKED',
          `process ${holder.pid} on ${holder.host} holds this data directory as "${role}"`,
          { details: { pid: holder.pid, host: holder.host, role } },
        );
    }
    const record: LockRecord = { ...self, nonce, beat: 0, released: false };
    const mine = turn + 1;
    if (!(await store.putIfAbsent(keyOf(role, mine), bytesOf(record)))) continue;
    // An old number can be created again once its file was cleaned up: then a higher one exists.
    if ((await latest(store, role)) > mine) continue;
    for (const key of await store.list(`locks/${role}`))
      if (turnOf(key) < mine) await store.remove(key);
    const heart = beating(store, keyOf(role, mine), record, times);
    let held = true;
    return async () => {
      if (!held) return;
      held = false;
      await heart.stop();
      await store.put(keyOf(role, mine), bytesOf({ ...record, released: true }));
    };
  }
}

/** Shows that a holder lives, until it is stopped; does not keep the process alive. */
function beating(
  store: ObjectStore,
  key: string,
  record: LockRecord,
  { beatMs }: LockTimes,
): { stop(): Promise<void> } {
  let beat = 0;
  let writing = Promise.resolve();
  const timer = setInterval(() => {
    const sign = bytesOf({ ...record, beat: ++beat });
    // A beat that a full disk refused is no failure of the work; the next one may come through.
    writing = writing.then(() => store.put(key, sign)).catch(() => undefined);
  }, beatMs);
  timer.unref();
  return {
    stop: () => {
      clearInterval(timer);
      return writing;
    },
  };
}
