import type { LedgerEntry } from '../contracts/index.ts';
import { openLedger } from './ledger.ts';
import type { ObjectStore } from './object-store.ts';

/** Visits what was committed since the call before: the first one visits everything. Calls do not overlap. */
export type ReadOn = (visit: (entry: LedgerEntry) => void) => Promise<void>;

/**
 * Follows every ledger of a store, by topic and partition, each verified from where it was read to.
 * Nothing of the entries is kept.
 * @returns a function that throws VamoError INGEST_LEDGER
 */
export function followLedgers(store: ObjectStore): ReadOn {
  /** The next offset to read, by topic and partition. */
  const tails = new Map<string, bigint>();
  return async (visit) => {
    for (const topic of await store.folders('ledger'))
      for (const partition of await store.folders(`ledger/${topic}`)) {
        const place = `${topic}/${partition}`;
        const ledger = openLedger(store, topic, Number(partition));
        await ledger.each(tails.get(place) ?? 0n, (entry) => {
          visit(entry);
          tails.set(place, BigInt(entry.to));
        });
      }
  };
}

/** Every ledger's verified entries, by topic and partition. @throws VamoError INGEST_LEDGER */
export async function readLedgers(store: ObjectStore): Promise<LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  await followLedgers(store)((entry) => entries.push(entry));
  return entries;
}
