import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VamoError } from '../../src/core/index.ts';
import type { ReadRecord } from '../../src/ingest/event-source.ts';
import { openPartition } from '../../src/ingest/partition-ingest.ts';
import { type ObjectStore, openColumns, openLedger, readLedgers } from '../../src/store/index.ts';
import { partitionContext } from '../helpers/ingest-partition.ts';
import { outcomeEvent, recordOf } from '../helpers/ingest-records.ts';
import { memoryStore } from '../helpers/memory-store.ts';

const END = 9;
const FLUSH_ROWS = 2;
/** So many however busy the machine is: a test that ends by the clock may prove little. */
const RUNS = { stored: 400, known: 3000 };
const BUSY_MS = 180_000;

/** Offsets 0..END: 3 is a control record that no reader sees, 5 is poison. */
const records: readonly ReadRecord[] = Array.from({ length: END }, (_, offset) => {
  const { arrivalMs, value } = recordOf(outcomeEvent({ event_id: `e-${offset}` }));
  return { offset, arrivalMs, value: Buffer.from(offset === 5 ? '{' : value) };
}).filter(({ offset }) => offset !== 3);

/** How a life of a writer ends: at which of its calls on the store, and what became of that call. */
interface Death {
  readonly call: number;
  readonly how: 'killed before' | 'killed after' | 'failed before' | 'answer lost' | 'told taken';
}
/** A writer: the sizes it reads in, and how its lives end; the last one goes on to the end. */
interface Writer {
  readonly batches: readonly number[];
  readonly deaths: readonly Death[];
}

const death: fc.Arbitrary<Death> = fc.record({
  call: fc.integer({ min: 1, max: 14 }),
  how: fc.constantFrom(
    'killed before',
    'killed after',
    'failed before',
    'answer lost',
    'told taken',
  ),
});
const writer: fc.Arbitrary<Writer> = fc.record({
  batches: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
  deaths: fc.array(death, { maxLength: 2 }),
});

/** One life's view of the store: every call may be overtaken, on its way there and on its way back. */
function mortal(store: ObjectStore, scheduler: fc.Scheduler, end: Death | undefined): ObjectStore {
  let calls = 0;
  async function passing<T>(work: () => Promise<T>, taken?: T): Promise<T> {
    calls += 1;
    const isLast = calls === end?.call;
    const how = isLast ? end.how : undefined;
    if (how === 'killed before' || how === 'failed before') throw new VamoError('STORE_IO', how);
    await scheduler.schedule(Promise.resolve(), 'there');
    const answer = await work();
    await scheduler.schedule(Promise.resolve(), 'back');
    if (how === 'told taken' && taken !== undefined) return taken;
    if (how !== undefined) throw new VamoError('STORE_IO', how);
    return answer;
  }
  return {
    ...store,
    put: (key, bytes) => passing(() => store.put(key, bytes)),
    putIfAbsent: (key, bytes) => passing(() => store.putIfAbsent(key, bytes), false),
    get: (key) => passing(() => store.get(key)),
    has: (key) => passing(() => store.has(key)),
    list: (prefix, after) => passing(() => store.list(prefix, after)),
  };
}

/** Reads from the ledger's tail to the end, as a reader of the partition does. */
async function live(store: ObjectStore, batches: readonly number[]): Promise<void> {
  const partition = await openPartition(partitionContext(store, { flushRows: FLUSH_ROWS }), 0);
  for (let i = 0; partition.committed < END; i++) {
    const from = partition.next;
    const to = Math.min(END, from + batches[i % batches.length]!);
    const inside = records.filter(({ offset }) => offset >= from && offset < to);
    if (inside.length === 0 && to > from) partition.skipped(from, to);
    else if (to > from) await partition.batch({ partition: 0, from, to, records: inside });
    if (partition.next >= END) await partition.flush(true);
  }
}

/** Where each committed record lies, whatever lies beside. */
async function storedOffsets(store: ObjectStore): Promise<number[]> {
  const offsets: number[] = [];
  for (const { segments, deadLetters } of await readLedgers(store)) {
    for (const { key } of segments)
      offsets.push(...openColumns(await store.get(key), key).integers('src_offset'));
    if (deadLetters === null) continue;
    const text = Buffer.from(await store.get(deadLetters.key))
      .toString()
      .trimEnd();
    for (const line of text.split('\n'))
      offsets.push((JSON.parse(line) as { offset: number }).offset);
  }
  return offsets.sort((a, b) => a - b);
}

/** Commits ranges up to the end without any rows; keeps what the ledger answered to each. */
async function commitAll(
  store: ObjectStore,
  batches: readonly number[],
  writerName: string,
  answers: Map<string, 'committed' | 'lost'>,
): Promise<void> {
  const ledger = openLedger(store, 't', 0);
  for (let i = 0, from = Number(await ledger.tail()); from < END; i++) {
    const to = Math.min(END, from + batches[i % batches.length]!);
    const nonce = `${writerName}-${i}`;
    const answer = await ledger.commit({
      schema: 'ledger/v1',
      topic: 't',
      partition: 0,
      from: String(from),
      to: String(to),
      nonce,
      records: to - from,
      maxArrivalMs: 1,
      segments: [],
      deadLetters: null,
    });
    answers.set(nonce, answer);
    from = answer === 'committed' ? to : Number(await ledger.tail());
  }
}

describe('several writers on one partition', () => {
  it(
    'store every record exactly once, however they interleave, die and are misled',
    async () => {
      let contested = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.scheduler(),
          fc.array(writer, { minLength: 2, maxLength: 3 }),
          async (scheduler, writers) => {
            const store = memoryStore();
            const lives = writers.map(async ({ batches, deaths }) => {
              for (const end of [...deaths, undefined])
                await live(mortal(store, scheduler, end), batches).catch((error: unknown) => {
                  if (end === undefined || !(error instanceof VamoError)) throw error;
                });
            });
            await scheduler.waitFor(Promise.all(lives));
            expect(await storedOffsets(store)).toEqual(records.map(({ offset }) => offset));
            const entries = await openLedger(store, 't', 0).entries();
            expect(entries.at(-1)?.to).toBe(String(END));
            const files = (await store.list('seg')).length;
            if (files > entries.flatMap(({ segments }) => segments).length) contested += 1;
          },
        ),
        { numRuns: RUNS.stored },
      );
      // A property that never saw two writers meet would prove nothing.
      expect(contested).toBeGreaterThan(RUNS.stored / 4);
    },
    BUSY_MS,
  );

  it(
    'know what the chain holds of theirs, in thousands of interleavings',
    async () => {
      let lost = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.scheduler(),
          fc.array(writer, { minLength: 2, maxLength: 3 }),
          async (scheduler, writers) => {
            const store = memoryStore();
            const answers = new Map<string, 'committed' | 'lost'>();
            const lives = writers.map(async ({ batches, deaths }, w) => {
              for (const [life, end] of [...deaths, undefined].entries())
                await commitAll(
                  mortal(store, scheduler, end),
                  batches,
                  `${w}-${life}`,
                  answers,
                ).catch((error: unknown) => {
                  if (end === undefined || !(error instanceof VamoError)) throw error;
                });
            });
            await scheduler.waitFor(Promise.all(lives));
            const chain = await openLedger(store, 't', 0).entries();
            const inChain = new Set(chain.map(({ nonce }) => nonce));
            expect(chain.at(-1)?.to).toBe(String(END));
            for (const [nonce, answer] of answers) {
              expect([nonce, inChain.has(nonce)]).toEqual([nonce, answer === 'committed']);
              if (answer === 'lost') lost += 1;
            }
          },
        ),
        { numRuns: RUNS.known },
      );
      expect(lost).toBeGreaterThan(100);
    },
    BUSY_MS,
  );
});
