import { beforeEach, describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../src/contracts/index.ts';
import { followLedgers, type ObjectStore, openLedger, readLedgers } from '../../src/store/index.ts';
import { PACKED } from '../../src/store/ledger-pack.ts';
import { memoryStore } from '../helpers/memory-store.ts';
import { troubledStore } from '../helpers/troubled-store.ts';

/** Two packs, and entries that are in none. */
const ENTRIES = 2 * PACKED + 7;

function entry(i: number): LedgerEntry {
  return {
    schema: 'ledger/v1',
    topic: 't',
    partition: 0,
    from: String(10 * i),
    to: String(10 * i + 10),
    nonce: `n${String(i)}`,
    records: 10,
    maxArrivalMs: i,
    segments: [],
    deadLetters: null,
  };
}

/** A store that counts what is read of it. */
function counted(store: ObjectStore): ObjectStore & { gets: number; listed: number } {
  const self = {
    ...store,
    gets: 0,
    listed: 0,
    get(key: string) {
      self.gets += 1;
      return store.get(key);
    },
    async list(prefix: string, after?: string) {
      const keys = await store.list(prefix, after);
      self.listed += keys.length;
      return keys;
    },
  };
  return self;
}

const numbers = (entries: readonly LedgerEntry[]): number[] => entries.map((e) => e.maxArrivalMs);
const all = Array.from({ length: ENTRIES }, (_, i) => i);

describe('packs of a ledger', () => {
  let objects: Map<string, Uint8Array>;
  let store: ReturnType<typeof counted>;
  const fill = async (of: ObjectStore, from = 0, to = ENTRIES): Promise<void> => {
    const ledger = openLedger(of, 't', 0);
    for (let i = from; i < to; i++) expect(await ledger.commit(entry(i))).toBe('committed');
  };
  const packs = () => store.list('ledger-packs/t/0');
  beforeEach(() => {
    objects = new Map();
    store = counted(memoryStore(objects));
  });

  it('spare readers the entries one by one', async () => {
    await fill(store);
    expect(await packs()).toHaveLength(2);
    store.gets = store.listed = 0;
    expect(numbers(await openLedger(store, 't', 0).entries())).toEqual(all);
    expect(store.gets).toBe(2 + 7);
    expect(store.listed).toBe(2 + 8);
    store.gets = store.listed = 0;
    expect(await openLedger(store, 't', 0).tail()).toBe(BigInt(10 * ENTRIES));
    expect([store.gets, store.listed]).toEqual([1, 2 + PACKED + 7]);
    const tail = await openLedger(store, 't', 0).entries(BigInt(10 * (ENTRIES - 3)));
    expect(numbers(tail)).toEqual(all.slice(-3));
  });

  it('are the same whoever makes them, also after restarts', async () => {
    await fill(store);
    const made = await Promise.all((await packs()).map((key) => store.get(key)));
    const again = memoryStore();
    for (let i = 0; i < ENTRIES; i += 300) await fill(again, i, Math.min(ENTRIES, i + 300));
    const others = await again.list('ledger-packs/t/0');
    expect(await Promise.all(others.map((key) => again.get(key)))).toEqual(made);
  });

  it('are made of a ledger that was filled without them, one a commit', async () => {
    await fill(store);
    for (const key of await packs()) objects.delete(key);
    await fill(store, ENTRIES, ENTRIES + 2);
    expect(await packs()).toHaveLength(2);
    expect(await openLedger(store, 't', 0).entries()).toHaveLength(ENTRIES + 2);
  });

  it('are passed over when they are not whole', async () => {
    await fill(store);
    const whole = await packs();
    for (const key of whole) {
      const bytes = objects.get(key)!;
      objects.set(key, bytes.subarray(0, bytes.byteLength - 9));
      expect(numbers(await openLedger(store, 't', 0).entries())).toEqual(all);
      objects.set(key, bytes);
    }
    objects.delete(whole[0]!);
    expect(numbers(await openLedger(store, 't', 0).entries())).toEqual(all);
  });

  it('do not hide that entries are gone', async () => {
    await fill(store);
    for (const key of await store.list('ledger/t/0')) objects.delete(key);
    const ledger = openLedger(store, 't', 0);
    for (const call of [ledger.tail(), ledger.entries(), ledger.commit(entry(0))])
      await expect(call).rejects.toMatchObject({ code: 'INGEST_LEDGER' });
  });

  it('never fail a commit, and are made later', async () => {
    const troubled = troubledStore(store);
    const ledger = openLedger(
      { ...troubled, putIfAbsent: (key, bytes) => putPack(key, bytes) },
      't',
      0,
    );
    let fails = true;
    function putPack(key: string, bytes: Uint8Array): Promise<boolean> {
      if (fails && key.startsWith('ledger-packs/')) troubled.fail(1);
      return troubled.putIfAbsent(key, bytes);
    }
    for (let i = 0; i < PACKED + 3; i++) expect(await ledger.commit(entry(i))).toBe('committed');
    expect(await packs()).toEqual([]);
    fails = false;
    await ledger.commit(entry(PACKED + 3));
    expect(await packs()).toHaveLength(1);
  });
});

describe('who follows the ledgers', () => {
  it('reads each entry once, whatever was committed between', async () => {
    const store = counted(memoryStore());
    const seen: number[] = [];
    const readOn = followLedgers(store);
    const look = () => readOn(({ maxArrivalMs }) => seen.push(maxArrivalMs));
    await look();
    expect(seen).toEqual([]);
    const ledger = openLedger(store, 't', 0);
    for (let i = 0; i < 5; i++) await ledger.commit(entry(i));
    await look();
    await look();
    store.gets = 0;
    await ledger.commit(entry(5));
    store.gets = 0;
    await look();
    expect(store.gets).toBe(1);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
    expect(numbers(await readLedgers(store))).toEqual(seen);
  });
});
