import { type LedgerEntry, ledgerPack } from '../contracts/index.ts';
import { sha256 } from '../core/index.ts';
import {
  beforeEntry,
  chainFrom,
  ledgerFolder,
  type LedgerPlace,
  padded,
  readEntries,
} from './ledger-entry.ts';
import type { ObjectStore } from './object-store.ts';

/**
 * Entries a pack holds. A reader opens one object for each so many entries, and each entry since: fewer
 * would make more packs, more a longer rest.
 */
export const PACKED = 500;

/** Packs read at once. */
const AT_ONCE = 4;

const folderOf = ({ topic, partition }: LedgerPlace): string =>
  `ledger-packs/${topic}/${partition}`;

/** Named by its first entry, as that entry is. */
const packKey = (place: LedgerPlace, from: bigint | string): string =>
  `${folderOf(place)}/${padded(from)}.json`;

/** The entries of a pack; undefined where it is not whole: packs can be made again, so nobody is told. */
function parsePack(bytes: Uint8Array): LedgerEntry[] | undefined {
  const [digest, json = ''] = Buffer.from(bytes).toString().split('\n');
  if (digest !== sha256(json)) return undefined;
  return ledgerPack.safeParse(JSON.parse(json)).data?.entries;
}

/** Where the newest pack of a ledger begins; undefined when there is none. */
export async function newestPack(
  store: ObjectStore,
  place: LedgerPlace,
): Promise<bigint | undefined> {
  const key = (await store.list(folderOf(place))).at(-1);
  const name = /\/(\d{20})\.json$/.exec(key ?? '')?.[1];
  return name === undefined ? undefined : BigInt(name);
}

/** The packs that go on from an offset without a hole, in order, up to the first that is not whole. */
export async function* readPacks(
  store: ObjectStore,
  place: LedgerPlace,
  from: bigint,
): AsyncGenerator<readonly LedgerEntry[]> {
  const keys = await store.list(folderOf(place), `${folderOf(place)}/${padded(from)}`);
  let next = packKey(place, from);
  for (let i = 0; i < keys.length; i += AT_ONCE) {
    const some = keys.slice(i, i + AT_ONCE);
    if (some[0] !== next) return;
    for (const [j, bytes] of (await Promise.all(some.map((key) => store.get(key)))).entries()) {
      const entries = some[j] === next ? parsePack(bytes) : undefined;
      const last = entries?.at(-1);
      if (entries === undefined || last === undefined) return;
      yield entries;
      next = packKey(place, last.to);
    }
  }
}

/**
 * Makes the next pack of a ledger where so many entries have no pack yet. Whoever makes it makes the same.
 * @returns how many entries are without one
 * @throws VamoError INGEST_LEDGER, STORE_IO, STORE_FULL
 */
export async function packNext(store: ObjectStore, place: LedgerPlace): Promise<number> {
  let start = 0n;
  const newest = await newestPack(store, place);
  if (newest !== undefined) {
    for await (const pack of readPacks(store, place, newest)) start = BigInt(pack.at(-1)?.to ?? 0);
    // The newest is not whole: until it is removed there is nothing to go on from.
    if (start === 0n) return 0;
  }
  const keys = await store.list(ledgerFolder(place), beforeEntry(place, start));
  const some = keys.slice(0, PACKED);
  if (some.length < PACKED) return some.length;
  const entries: LedgerEntry[] = [];
  const chain = chainFrom(start, (entry) => entries.push(entry));
  await readEntries(store, some, (entry) => chain.take(entry));
  const json = JSON.stringify(ledgerPack.parse({ schema: 'ledger-pack/v1', entries }));
  await store.putIfAbsent(packKey(place, start), Buffer.from(`${sha256(json)}\n${json}\n`));
  return keys.length - PACKED;
}
