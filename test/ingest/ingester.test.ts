import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SourceRecord } from '../../src/contracts/index.ts';
import { silentLogger, VamoError } from '../../src/core/index.ts';
import {
  createFileSink,
  createFileSource,
  createIngester,
  createJsonDecoder,
  type FaultPoint,
  type IngesterOptions,
  type RecordDecoder,
} from '../../src/ingest/index.ts';
import {
  committedOfDay,
  findOrphans,
  type ObjectStore,
  openDirectoryStore,
  openLedger,
  readLedgers,
  readVerified,
  removeOrphans,
} from '../../src/store/index.ts';
import { makeRecords, outcomeEvent, recordOf, TASKS } from '../helpers/ingest-records.ts';
import { committedDeadLetters, committedRows } from '../helpers/ingest-rows.ts';

let root: string;
let store: ObjectStore;
const log = () => ({ directory: join(root, 'log'), topic: 'events', partitions: 3 });
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vamo-ingest-'));
  store = await openDirectoryStore(join(root, 'data'));
});
afterEach(() => rm(root, { recursive: true }));

async function produce(records: readonly SourceRecord[]): Promise<void> {
  const sink = await createFileSink(log());
  await sink.write(records);
  await sink.close();
}

function ingester(over: Partial<IngesterOptions> = {}) {
  return createIngester({
    source: createFileSource({ ...log(), pollMs: 10, chunkBytes: 20_000 }),
    store,
    tasks: TASKS,
    utcOffsetMinutes: 0,
    ingest: { flushRows: 200, flushMs: 60_000, maxBadShare: 0.2 },
    clock: () => performance.now(),
    log: silentLogger,
    ...over,
  });
}

const storedIds = async (): Promise<string[]> =>
  [...(await committedRows(store)).values()].flatMap((rows) =>
    rows.map((row) => `${row['kind']!}/${row['event_id']!}`),
  );
const idsOf = (records: readonly SourceRecord[], good: readonly number[]): string[] =>
  good.map((i) => {
    const event = JSON.parse(records[i]!.value) as { kind: string; event_id: string };
    return `${event.kind}/${event.event_id}`;
  });

describe('ingester', () => {
  it('stores every valid record once and every other in the dead letters, with its reason', async () => {
    const { records, good } = makeRecords(2000);
    await produce(records);
    const stats = await ingester().run();
    expect(stats).toMatchObject({
      records: records.length,
      rows: good.length,
      deadLetters: records.length - good.length,
      lost: 0,
    });
    expect(stats.commits).toBeGreaterThan(3);
    expect((await storedIds()).sort()).toEqual(idsOf(records, good).sort());

    const letters = await committedDeadLetters(store);
    const bad = records.filter((_, i) => !good.includes(i));
    expect(letters.map((l) => l['value']).sort()).toEqual(bad.map((r) => r.value).sort());
    expect(letters.every((l) => String(l['reason']).length > 0)).toBe(true);
    for (const { records: n, segments, deadLetters } of await readLedgers(store))
      expect(n).toBe(segments.reduce((sum, s) => sum + s.rows, deadLetters?.rows ?? 0));
    expect(await findOrphans(store)).toEqual([]);
    expect(await ingester().run()).toMatchObject({ records: 0, commits: 0 });
  });

  it('stores an event under the day of its time in the zone, a campaign event under its own day', async () => {
    const lateEvening = Date.parse('2026-01-05T23:30:00Z');
    await produce([
      recordOf(outcomeEvent({ event_time: lateEvening })),
      recordOf({
        kind: 'campaign',
        event_id: 'b',
        event_time: lateEvening,
        campaign_id: 'c-1',
        advertiser_id: '',
        task: 'store',
        day: '2026-01-09' as never,
        budget: 1,
        status: 'active',
        cpa_limit: 0,
      }),
    ]);
    await ingester({ utcOffsetMinutes: 60 }).run();
    expect([...(await committedRows(store)).keys()]).toEqual(['2026-01-06', '2026-01-09']);
  });

  it('puts aside an arrival in microseconds, so that what follows is not late', async () => {
    const good = recordOf(outcomeEvent({ event_id: 'first' }));
    const wrong = recordOf(outcomeEvent({ event_id: 'second' }));
    const last = recordOf(outcomeEvent({ event_id: 'third' }));
    await produce([good, { ...wrong, arrivalMs: wrong.arrivalMs * 1000 }, last]);
    expect(await ingester().run()).toMatchObject({ rows: 2, deadLetters: 1 });
    const [letter] = await committedDeadLetters(store);
    expect(letter).toMatchObject({ field: 'arrival_ms' });
    const newest = Math.max(...(await readLedgers(store)).map((entry) => entry.maxArrivalMs));
    expect(newest).toBe(Math.max(good.arrivalMs, last.arrivalMs));
  });

  it.each(['buffered', 'filed', 'committed'] as const)(
    'loses and doubles nothing when it dies again and again at "%s"',
    async (at) => {
      const { records, good } = makeRecords(1500);
      await produce(records);
      let deaths = 0;
      for (let calls = 0; ; calls = 0) {
        const faultPoint: FaultPoint = (point) => {
          if (point === at && deaths < 4 && ++calls === 1 + (deaths % 2)) throw new Error('killed');
        };
        const ended = await ingester({ faultPoint })
          .run()
          .catch((error: unknown) => error as Error);
        if (!(ended instanceof Error)) break;
        expect(ended.message).toContain('killed');
        deaths += 1;
      }
      expect(deaths).toBe(4);
      expect((await storedIds()).sort()).toEqual(idsOf(records, good).sort());
      expect((await findOrphans(store)).length > 0).toBe(at === 'filed');
    },
  );

  it('goes on from the winner when another ingester commits the same range first', async () => {
    const { records, good } = makeRecords(1500);
    await produce(records);
    const runs = await Promise.all([ingester().run(), ingester().run(), ingester().run()]);
    expect((await storedIds()).sort()).toEqual(idsOf(records, good).sort());
    const sum = (field: 'records' | 'lost') => runs.reduce((total, run) => total + run[field], 0);
    expect(sum('records')).toBe(records.length);
    expect(sum('lost')).toBeGreaterThan(0);
  });

  it('does not commit files that may have been collected while it stood still', async () => {
    await produce(makeRecords(300).records);
    let standsStillMs = 0;
    let now = 0;
    const stats = await ingester({
      ingest: { flushRows: 200, flushMs: 1e12, maxBadShare: 0.2, orphanGraceMs: 86_400_000 },
      clock: () => now,
      faultPoint(at) {
        if (at !== 'filed' || standsStillMs > 0) return;
        standsStillMs = 43_200_001;
        now += standsStillMs;
      },
    }).run();
    expect(stats).toMatchObject({ lost: 1, records: 300 });
    const entries = await readLedgers(store);
    const keys = entries.flatMap(({ segments }) => segments.map(({ key }) => key));
    expect((await findOrphans(store)).length).toBeGreaterThan(0);
    await removeOrphans(store, Infinity);
    for (const key of keys) expect(await store.has(key)).toBe(true);
  });

  it('commits nothing of a window with too many bad records, and says where', async () => {
    const { records } = makeRecords(600, { poisonEvery: 3 });
    await produce(records);
    await expect(ingester().run()).rejects.toMatchObject({
      code: 'INGEST_TOO_MANY_BAD',
      details: { topic: 'events' },
    });
    expect(await readLedgers(store)).toEqual([]);
    const patient = { flushRows: 200, flushMs: 60_000, maxBadShare: 0.5 };
    expect(await ingester({ ingest: patient }).run()).toMatchObject({ deadLetters: 200 });
  });

  it('dead-letters events of a task that is not configured', async () => {
    await produce([recordOf(outcomeEvent({ task: 'stroe' }))]);
    expect(await ingester().run()).toMatchObject({ rows: 0, deadLetters: 1 });
    const [letter] = await committedDeadLetters(store);
    expect(letter).toMatchObject({
      field: 'task',
      reason: expect.stringContaining('stroe') as string,
    });
  });

  it('waits and reads again while decoding cannot be prepared, and counts what a mapping filters', async () => {
    const { records, good } = makeRecords(100);
    await produce(records);
    const json = createJsonDecoder({
      tasks: new Set(TASKS.map((task) => task.id)),
      utcOffsetMinutes: 0,
    });
    let tries = 0;
    const decoder: RecordDecoder = {
      prepare() {
        if (++tries % 2 === 1) throw new VamoError('INGEST_SOURCE', 'no registry');
        return Promise.resolve();
      },
      decode(record) {
        const decoded = json.decode(record);
        return decoded.event?.kind === 'cart' ? { filtered: 'no carts' } : decoded;
      },
    };
    const stats = await ingester({ decoder }).run();
    expect(tries).toBeGreaterThan(1);
    expect(stats.filtered).toBe(2);
    expect(stats).toMatchObject({
      records: 100,
      rows: good.length - 2,
      deadLetters: 100 - good.length,
    });
    for (const { records: n, filtered, segments, deadLetters } of await readLedgers(store))
      expect(n).toBe(
        segments.reduce((sum, s) => sum + s.rows, (deadLetters?.rows ?? 0) + (filtered ?? 0)),
      );
  });

  it('keeps both copies of a record delivered twice: the seal decides', async () => {
    const record = recordOf(outcomeEvent());
    await produce([record, record]);
    expect(await ingester().run()).toMatchObject({ rows: 2 });
    expect(await storedIds()).toEqual(['outcome/o-1', 'outcome/o-1']);
  });

  it('refuses a data directory filled from another log', async () => {
    await produce([recordOf(outcomeEvent())]);
    await ingester().run();
    const elsewhere = { ...log(), directory: join(root, 'other') };
    const sink = await createFileSink(elsewhere);
    await sink.write([recordOf(outcomeEvent())]);
    await sink.close();
    const other = createFileSource(elsewhere);
    await expect(ingester({ source: other }).run()).rejects.toMatchObject({
      code: 'INGEST_SOURCE_CHANGED',
      details: { field: 'id' },
    });
    const wider = createFileSource({ ...log(), partitions: 4 });
    await expect(ingester({ source: wider }).run()).rejects.toMatchObject({
      code: 'INGEST_SOURCE_CHANGED',
      details: { field: 'partitions' },
    });
  });

  it('commits what it has read when it is told to stop', async () => {
    const { records, good } = makeRecords(100);
    await produce(records);
    const stop = new AbortController();
    let seen = 0;
    const faultPoint: FaultPoint = (at) => {
      if (at === 'buffered' && ++seen === 3) stop.abort();
    };
    const stats = await ingester({ faultPoint }).run({ signal: stop.signal, until: 'forever' });
    expect(stats.rows).toBe(good.length);
    expect(await storedIds()).toHaveLength(good.length);
  });

  it('commits by age while it waits for more', async () => {
    await produce([recordOf(outcomeEvent())]);
    const stop = new AbortController();
    const quick = { flushRows: 1e6, flushMs: 20, maxBadShare: 0.2 };
    const running = ingester({ ingest: quick }).run({ signal: stop.signal, until: 'forever' });
    for (let i = 0; i < 100 && (await readLedgers(store)).length === 0; i++) await wait(20);
    expect(await readLedgers(store)).toHaveLength(1);
    await produce([recordOf(outcomeEvent({ event_id: 'o-2' }))]);
    for (let i = 0; i < 100 && (await readLedgers(store)).length === 1; i++) await wait(20);
    stop.abort();
    expect(await running).toMatchObject({ commits: 2, rows: 2 });
  });

  it('notices a damaged segment', async () => {
    await produce([recordOf(outcomeEvent())]);
    await ingester().run();
    const [segment] = (await committedOfDay(store, '2026-01-05')).segments;
    const path = await store.localFile(segment!.key);
    const bytes = await readFile(path);
    bytes[bytes.length >> 1]! ^= 4;
    await writeFile(path, bytes);
    await expect(readVerified(store, segment!)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    await truncate(path, 100);
    await expect(readVerified(store, segment!)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('stops with STORE_FULL under a real limit and goes on when there is room', async () => {
    const { records, good } = makeRecords(3000);
    await produce(records);
    const at = (path: string) => JSON.stringify(join(process.cwd(), path));
    const script = join(root, 'child.mts');
    await writeFile(
      script,
      `import { createFileSource, createIngester } from ${at('src/ingest/index.ts')};
       import { openDirectoryStore } from ${at('src/store/index.ts')};
       import { silentLogger } from ${at('src/core/index.ts')};
       const store = await openDirectoryStore(${JSON.stringify(join(root, 'data'))});
       const ingester = createIngester({ source: createFileSource(${JSON.stringify(log())}), store,
         tasks: ${JSON.stringify(TASKS)}, utcOffsetMinutes: 0, log: silentLogger,
         ingest: { flushRows: 1e6, flushMs: 60000, maxBadShare: 0.2 }, clock: () => performance.now() });
       console.log(await ingester.run().then(() => 'done', (error) => error.code));`,
    );
    const limited = ['-c', 'ulimit -f 64; exec "$0" --import tsx "$1"', process.execPath, script];
    const { stdout } = await promisify(execFile)('bash', limited);
    expect(stdout.trim()).toBe('STORE_FULL');
    expect(await openLedger(store, 'events', 0).tail()).toBe(0n);
    await ingester().run();
    expect((await storedIds()).sort()).toEqual(idsOf(records, good).sort());
  });
});

describe('file log', () => {
  it('is read without its unfinished last line, which the next sink cuts off', async () => {
    await produce([recordOf(outcomeEvent())]);
    const source = createFileSource(log());
    const before = await source.ends();
    const partition = before.findIndex((end) => end > 0);
    const path = join(root, 'log', `events-${partition}.jsonl`);
    await appendFile(path, '{"arrival_ms":5,"value":{"v":1');
    expect(await source.ends()).toEqual(before);
    expect(await ingester().run()).toMatchObject({ records: 1 });
    await produce([recordOf(outcomeEvent({ event_id: 'o-2' }))]);
    expect(await ingester().run()).toMatchObject({ records: 1, rows: 1 });
    expect(await storedIds()).toEqual(['outcome/o-1', 'outcome/o-2']);
  });

  it('gives lines that are no records to the dead letters', async () => {
    await produce([recordOf(outcomeEvent())]);
    const partition = (await createFileSource(log()).ends()).findIndex((end) => end > 0);
    const lines = ['garbage', '[]', 'null', '{"value":{}}', '{"arrival_ms":1.5,"value":{}}', ''];
    await appendFile(
      join(root, 'log', `events-${partition}.jsonl`),
      lines.map((l) => `${l}\n`).join(''),
    );
    expect(await ingester().run()).toMatchObject({ rows: 1, deadLetters: lines.length });
    const letters = await committedDeadLetters(store);
    // They came after the record before them: that is the day they are counted on.
    expect(new Set(letters.map((l) => l['arrival_ms']))).toEqual(
      new Set([outcomeEvent().event_time]),
    );
  });

  it('refuses to go on in a log that was cut or rewritten', async () => {
    await produce(makeRecords(50).records);
    await ingester().run();
    const partition = (await createFileSource(log()).ends()).findIndex((end) => end > 0);
    const path = join(root, 'log', `events-${partition}.jsonl`);
    const content = await readFile(path, 'utf8');
    await writeFile(path, content.slice(0, 10));
    await expect(ingester().run()).rejects.toMatchObject({ code: 'INGEST_OFFSET_LOST' });
    await writeFile(path, 'x'.repeat(content.length));
    await expect(ingester().run()).rejects.toMatchObject({ code: 'INGEST_OFFSET_LOST' });
  });
});
