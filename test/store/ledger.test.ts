import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LedgerEntry, withChecksum } from '../../src/contracts/index.ts';
import {
  committedOfDay,
  findOrphans,
  orphansByAge,
  removeOrphans,
  type ObjectStore,
  openDirectoryStore,
  openLedger,
} from '../../src/store/index.ts';

let root: string;
let store: ObjectStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vamo-ledger-'));
  store = await openDirectoryStore(root);
});
afterEach(() => rm(root, { recursive: true }));

function entry(from: number | bigint, to: number | bigint, nonce = 'n'): LedgerEntry {
  return {
    schema: 'ledger/v1',
    topic: 't',
    partition: 0,
    from: String(from),
    to: String(to),
    nonce,
    records: Number(BigInt(to) - BigInt(from)),
    maxArrivalMs: 1,
    segments: [],
    deadLetters: null,
  };
}

describe('ledger', () => {
  it('chains ranges from 0 and orders them by number', async () => {
    const ledger = openLedger(store, 't', 0);
    expect(await ledger.tail()).toBe(0n);
    for (const [from, to] of [
      [0, 9],
      [9, 1000],
      [1000, 2 ** 40],
    ] as const)
      expect(await ledger.commit(entry(from, to))).toBe('committed');
    expect(await ledger.tail()).toBe(2n ** 40n);
    expect((await ledger.entries()).map((e) => e.from)).toEqual(['0', '9', '1000']);
  });

  it('gives the newest entries that hold so many records, and no more', async () => {
    const ledger = openLedger(store, 't', 0);
    expect(await ledger.recent(1)).toEqual([]);
    for (let from = 0; from < 80; from++) await ledger.commit(entry(from, from + 1));
    await ledger.commit(entry(80, 100));
    const froms = async (records: number) =>
      (await openLedger(store, 't', 0).recent(records)).map(({ from }) => Number(from));
    expect(await froms(20)).toEqual([80]);
    expect((await froms(21)).slice(0, 3)).toEqual([80, 79, 78]);
    // Few are read at once, however few records each of them holds.
    expect((await froms(1000)).at(-1)).toBe(100 - 20 - 63);
  });

  it('tells a writer that it lost, also inside a range of another', async () => {
    const ledger = openLedger(store, 't', 0);
    await ledger.commit(entry(0, 10, 'winner'));
    expect(await ledger.commit(entry(0, 10, 'loser'))).toBe('lost');
    expect(await ledger.commit(entry(5, 12, 'loser'))).toBe('lost');
    expect(await ledger.commit(entry(0, 10, 'winner'))).toBe('committed');
    await expect(ledger.commit(entry(11, 12))).rejects.toMatchObject({ code: 'INGEST_LEDGER' });
    expect(await ledger.entries()).toHaveLength(1);
  });

  it('tiles the offsets whatever writers interleave', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }), {
          minLength: 2,
          maxLength: 4,
        }),
        async (scheduler, writers) => {
          const topic = `t${run++}`;
          const committed: LedgerEntry[] = [];
          // Each call on the store may be overtaken by any other writer's.
          const slow: ObjectStore = {
            ...store,
            list: scheduler.scheduleFunction((prefix) => store.list(prefix)),
            putIfAbsent: scheduler.scheduleFunction((key, b) => store.putIfAbsent(key, b)),
          };
          const write = async (sizes: readonly number[], writer: number): Promise<void> => {
            const ledger = openLedger(slow, topic, 0);
            let from = await ledger.tail();
            for (const size of sizes) {
              const next = { ...entry(from, from + BigInt(size), `${writer}-${from}`), topic };
              const won = (await ledger.commit(next)) === 'committed';
              if (won) committed.push(next);
              from = won ? BigInt(next.to) : await ledger.tail();
            }
          };
          const all = Promise.all(writers.map(write));
          await scheduler.waitFor(all);
          const entries = await openLedger(store, topic, 0).entries();
          const inOrder = committed.sort((a, b) => Number(a.from) - Number(b.from));
          expect(entries).toEqual(inOrder);
        },
      ),
      { numRuns: 12 },
    );
  });

  it.each([
    ['a missing entry', async () => store.remove(key(10))],
    [
      'an entry that is no JSON',
      async () => writeFile(await store.localFile(key(10)), '{"schema":'),
    ],
    ['an entry of other fields', async () => store.put(key(10), Buffer.from('{"from":"10"}'))],
    [
      'an entry with another count',
      async () => {
        const text = Buffer.from(await store.get(key(10))).toString();
        await store.put(key(10), Buffer.from(text.replace('"records":10', '"records":11')));
      },
    ],
    [
      'an entry of another range',
      async () => store.put(key(10), Buffer.from(stored(entry(11, 20)))),
    ],
    [
      'an entry that overlaps the next',
      async () => store.put(key(10), Buffer.from(stored(entry(10, 21)))),
    ],
  ])('finds %s', async (_, damage) => {
    const ledger = openLedger(store, 't', 0);
    await ledger.commit(entry(0, 10));
    await ledger.commit(entry(10, 20));
    await ledger.commit(entry(20, 30));
    expect(await ledger.entries()).toHaveLength(3);
    await damage();
    await expect(ledger.entries()).rejects.toMatchObject({ code: 'INGEST_LEDGER' });
  });
});

const stored = (e: LedgerEntry): string => JSON.stringify(withChecksum(e));
const key = (from: number): string => `ledger/t/0/${String(from).padStart(20, '0')}.json`;

describe('committed files', () => {
  it('are those entries name, by day; the others are orphans', async () => {
    const segment = (k: string, day: string) => ({ key: k, day, rows: 1, bytes: 1, sha256: 'x' });
    const deadLetters = { key: 'dlq/b', rows: 2, bytes: 1, sha256: 'x', byDay: { D1: 2 } };
    for (const file of ['seg/day=D1/a', 'seg/day=D2/a', 'seg/day=D1/orphan', 'dlq/b', 'dlq/o'])
      await store.put(file, Buffer.from('x'));
    await openLedger(store, 't', 0).commit({
      ...entry(0, 4),
      segments: [segment('seg/day=D1/a', 'D1'), segment('seg/day=D2/a', 'D2')],
      deadLetters,
    });
    const day1 = await committedOfDay(store, 'D1');
    expect(day1.segments.map((s) => [s.key, s.from, s.to])).toEqual([['seg/day=D1/a', '0', '4']]);
    expect(day1.deadLetters.map((d) => d.byDay['D1'])).toEqual([2]);
    expect((await committedOfDay(store, 'D2')).deadLetters).toEqual([]);
    expect(await findOrphans(store)).toEqual(['seg/day=D1/orphan', 'dlq/o']);

    const hourAgo = new Date(Date.now() - 3_600_000);
    await utimes(await store.localFile('dlq/o'), hourAgo, hourAgo);
    const found = { old: ['dlq/o'], young: ['seg/day=D1/orphan'] };
    const before = Date.now() - 1_800_000;
    expect(await orphansByAge(store, before)).toEqual(found);
    expect(await removeOrphans(store, before)).toEqual(found);
    expect(await findOrphans(store)).toEqual(['seg/day=D1/orphan']);
    expect((await removeOrphans(store, Infinity)).old).toEqual(['seg/day=D1/orphan']);
    expect(await store.list('seg')).toEqual(['seg/day=D1/a', 'seg/day=D2/a']);
  });
});
