import { hasItsChecksum, type LedgerEntry, storedLedgerEntry } from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';

/** A partition of a source, as ledgers name it. */
export interface LedgerPlace {
  readonly topic: string;
  readonly partition: number;
}

/** An offset as names hold it: their order is the offsets'. */
export const padded = (offset: bigint | string): string => String(offset).padStart(20, '0');

export const ledgerFolder = ({ topic, partition }: LedgerPlace): string =>
  `ledger/${topic}/${partition}`;

export const entryKey = (entry: LedgerEntry): string =>
  `${ledgerFolder(entry)}/${padded(entry.from)}.json`;

/** Where to list a ledger from, so that an entry which begins at the offset is the first. */
export const beforeEntry = (place: LedgerPlace, from: bigint | string): string =>
  `${ledgerFolder(place)}/${padded(from)}`;

export function brokenLedger(key: string, reason: string, cause?: unknown): VamoError {
  return new VamoError('INGEST_LEDGER', `${key}: ${reason}`, { details: { key }, cause });
}

/** @throws VamoError INGEST_LEDGER */
export async function readEntry(store: ObjectStore, key: string): Promise<LedgerEntry> {
  const text = Buffer.from(await store.get(key)).toString();
  let stored: ReturnType<typeof storedLedgerEntry.parse>;
  try {
    stored = storedLedgerEntry.parse(JSON.parse(text));
  } catch (error) {
    throw brokenLedger(key, 'not a ledger entry', error);
  }
  if (!hasItsChecksum(stored)) throw brokenLedger(key, 'differs from its checksum: it was changed');
  const { checksum: _, ...entry } = stored;
  if (key !== entryKey(entry)) throw brokenLedger(key, `holds the entry of ${entryKey(entry)}`);
  if (BigInt(entry.to) <= BigInt(entry.from)) throw brokenLedger(key, `ends at ${entry.to}`);
  return entry;
}

/** Entries read at once: in an object store each takes a round trip. */
const AT_ONCE = 16;

/** Entries in the order of their keys. @throws VamoError INGEST_LEDGER */
export async function readEntries(
  store: ObjectStore,
  keys: readonly string[],
  visit: (entry: LedgerEntry) => void,
): Promise<void> {
  for (let i = 0; i < keys.length; i += AT_ONCE) {
    const some = keys.slice(i, i + AT_ONCE);
    for (const entry of await Promise.all(some.map((key) => readEntry(store, key)))) visit(entry);
  }
}

/** Passes on entries that tile the offsets from `from` on, and knows where they stand. */
export function chainFrom(
  from: bigint,
  visit: (entry: LedgerEntry) => void,
): { readonly next: bigint; take(entry: LedgerEntry): void } {
  let next = from;
  return {
    get next() {
      return next;
    },
    take(entry) {
      if (BigInt(entry.from) !== next)
        throw brokenLedger(
          entryKey(entry),
          `the chain stands at ${next}, this entry begins at ${entry.from}`,
        );
      next = BigInt(entry.to);
      visit(entry);
    },
  };
}
