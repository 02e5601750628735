import { VamoError } from '../../src/core/index.ts';
import type { ObjectStore } from '../../src/store/index.ts';

/** A store whose writes wait or fail when told to; what it does of them, the store below does. */
export interface TroubledStore extends ObjectStore {
  /** Keys that were to be written, each try. */
  readonly tries: readonly string[];
  /** Writes that wait now. */
  readonly waiting: number;
  /** Writes below a folder wait; '' = all. */
  hold(folder?: string): void;
  release(): void;
  /** The next writes fail, as those of a store that does not answer. */
  fail(times: number): void;
}

export function troubledStore(store: ObjectStore): TroubledStore {
  const tries: string[] = [];
  const waiting = new Set<() => void>();
  let held: string | undefined;
  let failures = 0;
  async function pass<T>(key: string, write: () => Promise<T>): Promise<T> {
    tries.push(key);
    if (failures > 0) {
      failures -= 1;
      throw new VamoError('STORE_IO', `no answer to ${key}`);
    }
    if (held !== undefined && key.startsWith(held))
      await new Promise<void>((resolve) => waiting.add(resolve));
    return write();
  }
  return {
    ...store,
    tries,
    get waiting() {
      return waiting.size;
    },
    put: (key, bytes) => pass(key, () => store.put(key, bytes)),
    putIfAbsent: (key, bytes) => pass(key, () => store.putIfAbsent(key, bytes)),
    hold: (folder = '') => void (held = folder),
    release() {
      held = undefined;
      for (const resolve of waiting) resolve();
      waiting.clear();
    },
    fail: (times) => void (failures = times),
  };
}
