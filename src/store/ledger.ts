import { type LedgerEntry, withChecksum } from '../contracts/index.ts';
import {
  beforeEntry,
  brokenLedger,
  chainFrom,
  entryKey,
  ledgerFolder,
  readEntries,
  readEntry,
} from './ledger-entry.ts';
import { newestPack, PACKED, packNext, readPacks } from './ledger-pack.ts';
import type { ObjectStore } from './object-store.ts';

/**
 * What has been taken from one partition of a source: a chain of offset ranges that tile
 * [0, tail) without gap or overlap. An entry is named by where it begins and created only if absent, so
 * of two writers that go on from the same tail one wins and the other learns that it lost.
 */
export interface Ledger {
  /** The newest entry; undefined at the start. */
  last(): Promise<LedgerEntry | undefined>;
  /** The newest entries, newest first: as many as hold so many records together, but no more than 64. */
  recent(records: number): Promise<readonly LedgerEntry[]>;
  /** The next offset to take; 0 at the start. */
  tail(): Promise<bigint>;
  /**
   * Visits the chain in order, verified, from the entry that begins at `from` on (a `to` seen before).
   * @throws VamoError INGEST_LEDGER when it is broken
   */
  each(from: bigint, visit: (entry: LedgerEntry) => void): Promise<void>;
  /**
   * What `each` visits (default: the whole chain), all at once.
   * @throws VamoError INGEST_LEDGER when it is broken
   */
  entries(from?: bigint): Promise<LedgerEntry[]>;
  /**
   * Commits an offset range. 'lost' when another writer has taken its beginning: forget the rows
   * and go on from `tail()`.
   * @throws VamoError INGEST_LEDGER when it would leave a gap
   */
  commit(entry: LedgerEntry): Promise<'committed' | 'lost'>;
}

const RECENT = 64;
/** Entries that `recent` reads at a time. */
const SOME = 16;

/** The committed offset ranges of one partition; what others commit is seen at the next call. */
export function openLedger(store: ObjectStore, topic: string, partition: number): Ledger {
  const place = { topic, partition };
  const folder = ledgerFolder(place);

  // The newest entry seen: entries never change, so only what lies beyond it is asked for.
  let known: { readonly key: string; readonly entry: LedgerEntry } | undefined;
  /** Entries that are in no pack. */
  let unpacked = 0;

  /** The keys from an entry on of which a pack tells. */
  async function keysFrom(offset: bigint | string): Promise<string[]> {
    const keys = await store.list(folder, beforeEntry(place, offset));
    const key = `${beforeEntry(place, offset)}.json`;
    if (keys[0] !== key)
      throw brokenLedger(key, `is not there, but a pack in ledger-packs/ has it`);
    return keys;
  }

  async function unseenKeys(): Promise<string[]> {
    if (known !== undefined) return store.list(folder, known.key);
    const packed = await newestPack(store, place);
    if (packed === undefined) return store.list(folder);
    unpacked -= PACKED;
    return keysFrom(packed);
  }

  const last = async (): Promise<LedgerEntry | undefined> => {
    const keys = await unseenKeys();
    unpacked += keys.length;
    const key = keys.at(-1);
    if (key !== undefined) known = { key, entry: await readEntry(store, key) };
    return known?.entry;
  };
  const tail = async (): Promise<bigint> => BigInt((await last())?.to ?? 0);

  /** What is committed is committed: a pack that cannot be made now is tried again at the next commit. */
  async function pack(): Promise<void> {
    if (unpacked < PACKED) return;
    unpacked = await packNext(store, place).catch(() => unpacked);
  }

  async function each(from: bigint, visit: (entry: LedgerEntry) => void): Promise<void> {
    const chain = chainFrom(from, visit);
    let packed: LedgerEntry | undefined;
    for await (const entries of readPacks(store, place, from)) {
      for (const entry of entries) chain.take(entry);
      packed = entries.at(-1);
    }
    const keys =
      packed === undefined
        ? await store.list(folder, beforeEntry(place, from))
        : (await keysFrom(packed.from)).slice(1);
    await readEntries(store, keys, (entry) => chain.take(entry));
  }

  async function recent(records: number): Promise<LedgerEntry[]> {
    const newest = await last();
    const entries = newest === undefined ? [] : [newest];
    const enough = (): boolean => entries.reduce((sum, entry) => sum + entry.records, 0) >= records;
    if (enough() || newest === undefined) return entries;
    const keys = (await store.list(folder)).filter((key) => key < entryKey(newest));
    const older = keys.slice(1 - RECENT).reverse();
    for (let i = 0; i < older.length && !enough(); i += SOME)
      await readEntries(store, older.slice(i, i + SOME), (entry) => entries.push(entry));
    return entries;
  }

  return {
    last,
    recent,
    tail,
    each,
    async entries(from = 0n) {
      const entries: LedgerEntry[] = [];
      await each(from, (entry) => entries.push(entry));
      return entries;
    },
    async commit(entry) {
      const end = await tail();
      const from = BigInt(entry.from);
      if (from > end)
        throw brokenLedger(entryKey(entry), `would leave a gap: the chain ends at ${end}`);
      // Below the tail `from` may lie inside another's range, where its own key is free.
      if (from === end) {
        const bytes = Buffer.from(`${JSON.stringify(withChecksum(entry))}\n`);
        if (await store.putIfAbsent(entryKey(entry), bytes)) {
          await pack();
          return 'committed';
        }
      }
      // A create whose answer got lost (network store, repeated call) is ours when the nonce says so.
      if (!(await store.has(entryKey(entry)))) return 'lost';
      return (await readEntry(store, entryKey(entry))).nonce === entry.nonce ? 'committed' : 'lost';
    },
  };
}
