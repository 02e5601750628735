import { VamoError } from '../../../src/core/index.ts';
import { type ObjectStore, storeError } from '../../../src/store/index.ts';

/** The numbered steps of the commit protocol, at each of which a writer may die. */
export const STEPS = [
  'tail read',
  'assigned',
  'batch accepted',
  'rows buffered',
  'flush begun',
  'before a file',
  'after a file',
  'files written',
  'before the entry',
  'after the entry',
  'committed',
  'source told',
] as const;
export type Step = (typeof STEPS)[number];

/** What a store may do instead of what it is asked. */
export type Failure = 'full' | 'unavailable' | 'answer lost';

function fail(failure: Failure, key: string): never {
  if (failure === 'full')
    throw storeError(
      Object.assign(new Error('no space'), { code: 'ENOSPC' }),
      `cannot write ${key}`,
    );
  throw new VamoError('STORE_IO', `${key}: HTTP 503 SlowDown (8 attempts)`);
}

/**
 * A store that tells which step its user has reached, and that fails as told: before it does anything
 * ('full', 'unavailable'), or after ('answer lost': for a create half of the time as a repeated
 * request would be told, "it exists").
 */
export function faultyStore(
  inner: ObjectStore,
  reached: (step: Step) => void,
  next: () => Failure | undefined,
): ObjectStore {
  let lost = 0;
  return {
    ...inner,
    async list(prefix, after) {
      const keys = await inner.list(prefix, after);
      if (prefix.startsWith('ledger/')) reached('tail read');
      return keys;
    },
    async put(key, bytes) {
      reached('before a file');
      const failure = next();
      if (failure !== undefined && failure !== 'answer lost') fail(failure, key);
      await inner.put(key, bytes);
      if (failure === 'answer lost') fail(failure, key);
      reached('after a file');
    },
    async putIfAbsent(key, bytes) {
      reached('before the entry');
      const failure = next();
      if (failure !== undefined && failure !== 'answer lost') fail(failure, key);
      const created = await inner.putIfAbsent(key, bytes);
      reached('after the entry');
      if (failure !== 'answer lost') return created;
      if (lost++ % 2 === 0) return false;
      return fail(failure, key);
    },
  };
}
