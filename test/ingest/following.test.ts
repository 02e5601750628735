// An ingester that follows a source while its store hangs, fails, or gives others' commits precedence.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../src/core/index.ts';
import {
  boundedSource,
  createFileSink,
  createFileSource,
  createIngester,
  createRawFileSource,
  type EventSource,
  type Ingester,
  type IngesterOptions,
  jsonLines,
} from '../../src/ingest/index.ts';
import { type ObjectStore, openLedger, readLedgers } from '../../src/store/index.ts';
import { outcomeEvent, recordOf, TASKS } from '../helpers/ingest-records.ts';
import { memoryStore } from '../helpers/memory-store.ts';
import { type TroubledStore, troubledStore } from '../helpers/troubled-store.ts';

const TOPIC = 'events';
const RECORDS = 5;
const CALM = { flushRows: 1e9, flushMs: 1e9, maxBadShare: 1 };

let root: string;
let shared: ObjectStore;
let store: TroubledStore;
let stop: AbortController;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vamo-follow-'));
  shared = memoryStore();
  store = troubledStore(shared);
  stop = new AbortController();
});
afterEach(() => rm(root, { recursive: true }));

const record = (i: number) => recordOf(outcomeEvent({ event_id: `e-${i}` }));
const lines = Array.from({ length: RECORDS }, (_, i) => `${record(i).value}\n`);
const log = () => ({ directory: join(root, 'log'), topic: TOPIC, partitions: 1 });

/** A log that this data set belongs to already: the first write is a segment's. */
async function writeLog(): Promise<void> {
  const sink = await createFileSink(log());
  await sink.write(Array.from({ length: RECORDS }, (_, i) => record(i)));
  await sink.close();
  const identity = await createFileSource(log()).identity();
  await shared.put('source.json', Buffer.from(JSON.stringify(identity)));
}

async function logFile(): Promise<EventSource> {
  await writeLog();
  return createFileSource({ ...log(), pollMs: 5, chunkBytes: 100 });
}

async function rawFile(): Promise<EventSource> {
  const path = join(root, 'past.jsonl');
  await writeFile(path, lines.join(''));
  return jsonLines(createRawFileSource({ files: [path], topic: TOPIC }));
}

function ingester(over: Partial<IngesterOptions>): Ingester {
  return createIngester({
    source: createFileSource({ ...log(), pollMs: 5, chunkBytes: 100 }),
    store,
    tasks: TASKS,
    utcOffsetMinutes: 0,
    ingest: CALM,
    clock: () => performance.now(),
    log: silentLogger,
    ...over,
  });
}
const follow = (one: Ingester) => one.run({ signal: stop.signal, until: 'forever' });
const buffered = (one: Ingester) => one.snapshot().partitions[0]?.buffered;
const soon = (check: () => unknown) => vi.waitFor(check, { timeout: 5000, interval: 5 });

describe('an ingester that follows', () => {
  it.each(['a log', 'files at rest', 'a part of a source'])(
    'reads again at once what another took first, from %s without a new record',
    async (kind) => {
      const source = kind === 'a log' ? await logFile() : await rawFile();
      const part = (to: number) => boundedSource(source, [{ from: 0, to }]);
      // It loses its partition while its entry for the first record is on the way.
      store.hold('ledger/');
      const leaving = new AbortController();
      const [end] = await source.ends();
      const first = end! / RECORDS;
      const late = ingester({ source: part(first), ingest: { ...CALM, flushRows: 1 } });
      const lateRun = late.run({ signal: leaving.signal, until: 'forever' });
      await soon(() => expect(store.waiting).toBe(1));
      leaving.abort();

      let now = 0;
      const ingest = { ...CALM, flushMs: 1000 };
      const whole = kind === 'a part of a source' ? part(end!) : source;
      const next = ingester({ source: whole, store: shared, ingest, clock: () => now });
      const nextRun = follow(next);
      await soon(() => expect(buffered(next)).toBe(RECORDS));
      store.release();
      await lateRun;
      expect(Number(await openLedger(shared, TOPIC, 0).tail())).toBe(first);
      now = 1000;
      await soon(() => expect(next.snapshot().stats).toMatchObject({ lost: 1, reread: RECORDS }));
      // No record came, and the rest is read again.
      await soon(() => expect(buffered(next)).toBe(RECORDS - 1));
      stop.abort();
      await nextRun;
      expect((await readLedgers(shared)).map(({ records }) => records)).toEqual([1, RECORDS - 1]);
    },
  );

  it('waits for a store that fails again and again, and passes nothing over', async () => {
    await writeLog();
    const failed: unknown[] = [];
    const error = (event: string, fields: unknown) => void failed.push([event, fields]);
    store.fail(2);
    const following = ingester({
      ingest: { ...CALM, flushRows: RECORDS },
      log: { ...silentLogger, error },
    });
    const running = follow(following);
    await soon(async () => expect(await readLedgers(store)).toHaveLength(1));
    stop.abort();
    expect(await running).toMatchObject({ records: RECORDS, commits: 1, lost: 0 });
    expect(failed).toEqual(
      [0, 1].map((tries) => [
        'ingest.store',
        expect.objectContaining({
          tries,
          reason: expect.stringContaining('no answer') as string,
        }) as object,
      ]),
    );
    // Under one name: a try that came through unseen would not be taken for another writer's.
    expect(new Set(store.tries.filter((key) => key.startsWith('seg/'))).size).toBe(1);
  });

  it('ends with the store’s error when it is told to stop meanwhile', async () => {
    await writeLog();
    store.fail(Infinity);
    const following = ingester({ ingest: { ...CALM, flushRows: RECORDS } });
    const running = follow(following);
    const ended = expect(running).rejects.toMatchObject({ code: 'STORE_IO' });
    await soon(() => expect(store.tries).not.toEqual([]));
    stop.abort();
    await ended;
    expect(await readLedgers(shared)).toEqual([]);
  });

  it('ends with the store’s error at once when it was to read to the end only', async () => {
    await writeLog();
    store.fail(1);
    await expect(ingester({}).run({ until: 'end' })).rejects.toMatchObject({ code: 'STORE_IO' });
    expect(await readLedgers(shared)).toEqual([]);
    expect(await ingester({}).run({ until: 'end' })).toMatchObject({ records: RECORDS });
  });

  it('reads no further while more is open than its memory may hold, and then goes on', async () => {
    await writeLog();
    let accepted = 0;
    store.hold('seg/');
    const following = ingester({
      ingest: { ...CALM, bufferBytes: 1 },
      faultPoint: (at) => void (accepted += Number(at === 'accepted')),
    });
    const running = follow(following);
    await soon(() => expect(store.waiting).toBe(1));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(accepted).toBe(1);
    store.release();
    await soon(() => expect(accepted).toBe(RECORDS));
    stop.abort();
    expect(await running).toMatchObject({ records: RECORDS, commits: RECORDS });
  });

  it('takes what memory its rows fill for the measure, not what is held for more', async () => {
    await writeLog();
    const following = ingester({ ingest: { ...CALM, bufferBytes: 20_000 } });
    const running = follow(following);
    await soon(() => expect(buffered(following)).toBe(RECORDS));
    expect(following.snapshot().partitions[0]?.bufferedBytes).toBeLessThan(RECORDS * 1000);
    stop.abort();
    expect(await running).toMatchObject({ commits: 1 });
  });

  it.each(['an entry that is due by age', 'the last entry'])(
    'ends by its deadline when the store never answers to %s',
    async (which) => {
      await writeLog();
      store.hold('seg/');
      let now = 0;
      const ingest = { ...CALM, flushMs: 1000, shutdownMs: 60 };
      const following = ingester({ ingest, clock: () => now });
      const ended = expect(follow(following)).rejects.toMatchObject({
        code: 'INGEST_SHUTDOWN',
        details: { ms: 60 },
      });
      await soon(() => expect(buffered(following)).toBe(RECORDS));
      if (which !== 'the last entry') {
        now = 1000;
        await soon(() => expect(store.waiting).toBe(1));
      }
      stop.abort();
      await ended;
      expect(await readLedgers(shared)).toEqual([]);
    },
  );
});
