import {
  hasItsChecksum,
  type LedgerEntry,
  storedLedgerEntry,
  withChecksum,
} from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
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
   * The chain in order, verified, from the entry that begins at `from` on (a `to` seen before;
   * default: the whole).
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

function broken(key: string, reason: string, cause?: unknown): VamoError {
  return new VamoError('INGEST_LEDGER', `${key}: ${reason}`, { details: { key }, cause });
}

async function readEntry(store: ObjectStore, key: string): Promise<LedgerEntry> {
  const text = Buffer.from(await store.get(key)).toString();
  let stored: ReturnType<typeof storedLedgerEntry.parse>;
  try {
    stored = storedLedgerEntry.parse(JSON.parse(text));
  } catch (error) {
    throw broken(key, 'not a ledger entry', error);
  }
  if (!hasItsChecksum(stored)) throw broken(key, 'differs from its checksum: it was changed');
  const { checksum: _, ...entry } = stored;
  if (key !== keyOf(entry)) throw broken(key, `holds the entry of ${keyOf(entry)}`);
  if (BigInt(entry.to) <= BigInt(entry.from)) throw broken(key, `ends at ${entry.to}`);
  return entry;
}

/** Entries read at once: in an object store each takes a round trip. */
const AT_ONCE = 16;
const RECENT = 64;

const folderOf = (topic: string, partition: number): string => `ledger/${topic}/${partition}`;
const keyOf = (entry: LedgerEntry): string =>
  `${folderOf(entry.topic, entry.partition)}/${entry.from.padStart(20, '0')}.json`;

/** Whether an entry's name says that it begins before an offset; other names are left to be found broken. */
function beginsBefore(key: string, offset: bigint): boolean {
  const named = /\/(\d{20})\.json$/.exec(key)?.[1];
  return named !== undefined && BigInt(named) < offset;
}

/** The committed offset ranges of one partition; what others commit is seen at the next call. */
export function openLedger(store: ObjectStore, topic: string, partition: number): Ledger {
  const folder = folderOf(topic, partition);

  // The newest entry seen: entries never change, so only what lies beyond it is asked for.
  let known: { readonly key: string; readonly entry: LedgerEntry } | undefined;
  const last = async (): Promise<LedgerEntry | undefined> => {
    const key = (await store.list(folder, known?.key)).at(-1);
    if (key !== undefined) known = { key, entry: await readEntry(store, key) };
    return known?.entry;
  };
  const tail = async (): Promise<bigint> => BigInt((await last())?.to ?? 0);

  return {
    last,
    async recent(records) {
      const newest = await last();
      const entries = newest === undefined ? [] : [newest];
      const enough = (): boolean =>
        entries.reduce((sum, entry) => sum + entry.records, 0) >= records;
      if (enough() || newest === undefined) return entries;
      const keys = (await store.list(folder)).filter((key) => key < keyOf(newest));
      const older = keys.slice(1 - RECENT).reverse();
      for (let i = 0; i < older.length && !enough(); i += AT_ONCE)
        entries.push(
          ...(await Promise.all(older.slice(i, i + AT_ONCE).map((key) => readEntry(store, key)))),
        );
      return entries;
    },
    tail,
    async entries(from = 0n) {
      const entries: LedgerEntry[] = [];
      let next = from;
      const keys = (await store.list(folder)).filter((key) => !beginsBefore(key, from));
      for (let i = 0; i < keys.length; i += AT_ONCE) {
        const some = keys.slice(i, i + AT_ONCE);
        const read = await Promise.all(some.map((key) => readEntry(store, key)));
        for (const [j, entry] of read.entries()) {
          if (BigInt(entry.from) !== next)
            throw broken(
              some[j] ?? '',
              `the chain stands at ${next}, this entry begins at ${entry.from}`,
            );
          next = BigInt(entry.to);
          entries.push(entry);
        }
      }
      return entries;
    },
    async commit(entry) {
      const end = await tail();
      const from = BigInt(entry.from);
      if (from > end) throw broken(keyOf(entry), `would leave a gap: the chain ends at ${end}`);
      // Below the tail `from` may lie inside another's range, where its own key is free.
      if (from === end) {
        const bytes = Buffer.from(`${JSON.stringify(withChecksum(entry))}\n`);
        if (await store.putIfAbsent(keyOf(entry), bytes)) return 'committed';
      }
      // A create whose answer got lost (network store, repeated call) is ours when the nonce says so.
      if (!(await store.has(keyOf(entry)))) return 'lost';
      return (await readEntry(store, keyOf(entry))).nonce === entry.nonce ? 'committed' : 'lost';
    },
  };
}

/** Every ledger's verified entries, by topic and partition. @throws VamoError INGEST_LEDGER */
export async function readLedgers(store: ObjectStore): Promise<LedgerEntry[]> {
  const folders = new Map<string, { topic: string; partition: number }>();
  for (const key of await store.list('ledger')) {
    const [, topic = '', partition = ''] = key.split('/');
    folders.set(`${topic}/${partition}`, { topic, partition: Number(partition) });
  }
  const chains: LedgerEntry[] = [];
  for (const { topic, partition } of folders.values())
    chains.push(...(await openLedger(store, topic, partition).entries()));
  return chains;
}
