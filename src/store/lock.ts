import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { isVamoError, type ProcessIdentity, VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';

const lockRecord = z.strictObject({
  pid: z.int(),
  started: z.string(),
  host: z.string(),
  nonce: z.string(),
  released: z.boolean(),
});
type LockRecord = z.infer<typeof lockRecord>;

const keyOf = (role: string, turn: number): string =>
  `locks/${role}/${String(turn).padStart(12, '0')}.json`;
const turnOf = (key: string): number => Number(/(\d+)\.json$/.exec(key)?.[1] ?? 0);
const bytesOf = (record: LockRecord): Uint8Array => Buffer.from(`${JSON.stringify(record)}\n`);

/** The turn in force: the highest one, which is never removed. */
async function latest(store: ObjectStore, role: string): Promise<number> {
  return (await store.list(`locks/${role}`)).reduce((turn, key) => Math.max(turn, turnOf(key)), 0);
}

/** Who took a turn; undefined when a later holder has just cleaned it up. */
async function holderOf(store: ObjectStore, role: string, turn: number) {
  const bytes = await store.get(keyOf(role, turn)).catch((error: unknown) => {
    if (isVamoError(error, 'STORE_NOT_FOUND')) return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  try {
    return lockRecord.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (error) {
    throw new VamoError('STORE_CORRUPT', `${keyOf(role, turn)} is not a lock`, { cause: error });
  }
}

/**
 * Takes the lock of a role and returns its release. A lock is a numbered turn, created only if
 * absent; the holder of the highest turn holds the role until it releases it or its process ends.
 * The next one takes over by creating the next turn, which only one can: no file is ever unlocked by
 * deleting it, so two that both see a dead holder cannot both get in.
 * @throws VamoError DATA_LOCKED naming process id, host and role of the holder
 */
export async function takeLock(
  store: ObjectStore,
  role: string,
  self: ProcessIdentity,
  isRunning: (holder: ProcessIdentity) => boolean,
): Promise<() => Promise<void>> {
  const nonce = randomUUID();
  for (;;) {
    const turn = await latest(store, role);
    if (turn > 0) {
      const holder = await holderOf(store, role, turn);
      if (holder === undefined) continue;
      if (!holder.released && isRunning(holder))
        throw new VamoError(
          'DATA_LOCKED',
          `process ${holder.pid} on ${holder.host} holds this data directory as "${role}"`,
          { details: { pid: holder.pid, host: holder.host, role } },
        );
    }
    const record: LockRecord = { ...self, nonce, released: false };
    const mine = turn + 1;
    if (!(await store.putIfAbsent(keyOf(role, mine), bytesOf(record)))) continue;
    // An old number can be created again once its file was cleaned up: then a higher one exists.
    if ((await latest(store, role)) > mine) continue;
    for (const key of await store.list(`locks/${role}`))
      if (turnOf(key) < mine) await store.remove(key);
    let held = true;
    return async () => {
      if (!held) return;
      held = false;
      await store.put(keyOf(role, mine), bytesOf({ ...record, released: true }));
    };
  }
}
