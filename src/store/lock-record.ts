import { z } from 'zod';
import { isVamoError, VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';

const lockRecord = z.strictObject({
  pid: z.int(),
  started: z.string(),
  host: z.string(),
  nonce: z.string(),
  /** Rises while the holder lives. */
  beat: z.int(),
  released: z.boolean(),
});
export type LockRecord = z.infer<typeof lockRecord>;

export const keyOf = (role: string, turn: number): string =>
  `locks/${role}/${String(turn).padStart(12, '0')}.json`;
export const turnOf = (key: string): number => Number(/(\d+)\.json$/.exec(key)?.[1] ?? 0);
export const bytesOf = (record: LockRecord): Uint8Array =>
  Buffer.from(`${JSON.stringify(record)}\n`);

/** The turn in force: the highest one, which is never removed. */
export async function latest(store: ObjectStore, role: string): Promise<number> {
  return (await store.list(`locks/${role}`)).reduce((turn, key) => Math.max(turn, turnOf(key)), 0);
}

/** Who took a turn; undefined when a later holder has just cleaned it up. */
export async function holderOf(store: ObjectStore, role: string, turn: number) {
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
