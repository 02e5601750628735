import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { clickhouseMetrics } from '../../../src/cli/observe/clickhouse-metrics.ts';
import { createDayFigures, dayMetrics } from '../../../src/cli/observe/day-metrics.ts';
import { ingestMetrics, processMetrics } from '../../../src/cli/observe/ingest-metrics.ts';
import { type MetricsServer, serveMetrics } from '../../../src/cli/observe/metrics-server.ts';
import { createObserver, type Observation } from '../../../src/cli/observe/observation.ts';
import { type Metric, renderMetrics } from '../../../src/cli/observe/prometheus.ts';
import { ingestReadiness } from '../../../src/cli/observe/readiness.ts';
import { watch } from '../../../src/cli/observe/watch.ts';
import { frameOf, lineOf, sparkline, viewOf } from '../../../src/cli/observe/watch-view.ts';
import { DAY_MS, dayStartMs, dayKey, silentLogger } from '../../../src/core/index.ts';
import { createFileSink, createFileSource, createIngester } from '../../../src/ingest/index.ts';
import { type ObjectStore, openDirectoryStore, openLedger } from '../../../src/store/index.ts';
import { memoryStore } from '../../helpers/memory-store.ts';
import { commitArrivals, LIMIT_MS, sealConfig, START } from '../../helpers/days-fixture.ts';
import { at, outcome } from '../../helpers/few-events.ts';
import { makeRecords, TASKS } from '../../helpers/ingest-records.ts';

let root: string;
beforeAll(async () => void (root = await mkdtemp(join(tmpdir(), 'vamo-observe-'))));
afterAll(() => rm(root, { recursive: true }));

const AT_ONCE = { everyMs: 0, orphansEveryMs: 0 };

const log = () => ({ directory: join(root, 'log'), topic: 'events', partitions: 2 });

/** An ingester over a log of 600 records, some of them bad. */
async function newIngester() {
  const { records, good } = makeRecords(600);
  const sink = await createFileSink(log());
  await sink.write(records);
  await sink.close();
  const source = createFileSource(log());
  const store = await openDirectoryStore(join(root, 'data'));
  const ingester = createIngester({
    source,
    store,
    tasks: TASKS,
    utcOffsetMinutes: 0,
    ingest: { flushRows: 100, flushMs: 60_000, maxBadShare: 0.5 },
    clock: () => performance.now(),
    log: silentLogger,
  });
  return { ingester, source, store, records: records.length, rows: good.length };
}

/** What uncommitted rows may take, bytes. */
const BUFFER = 16_777_216;

const total = (metrics: readonly Metric[], name: string): number | undefined =>
  metrics.find((m) => m.name === name)?.samples.reduce((sum, { value }) => sum + value, 0);

/** A made-up look: partition 0 has everything committed, partition 1 lags by 40. */
function look(over: Partial<Observation> = {}): Observation {
  const partition = (p: number, committed: number, rows: number) => ({
    partition: p,
    next: committed,
    committed,
    buffered: 0,
    bufferedRows: 0,
    bufferedBytes: 0,
    maxArrivalMs: 1_000_000,
    lastCommitMs: 5_000,
    commits: 2,
    commitMs: 30,
    records: rows,
    rows,
    deadLetters: 0,
  });
  const stats = { records: 160, filtered: 0, rows: 160, deadLetters: 0, commits: 4, lost: 0 };
  return {
    atMs: 1_060_000,
    clockMs: 9_000,
    snapshot: {
      topic: 't',
      stats: { ...stats, seeks: 0, gaps: 0, reread: 0 },
      partitions: [partition(0, 100, 100), partition(1, 60, 60)],
    },
    ends: [100, 100],
    waitingMs: new Map(),
    ...over,
  };
}

describe('metrics of an ingester', () => {
  it('tell lag before a run, and none after it, with every record counted', async () => {
    const { ingester, source, store, records, rows } = await newIngester();
    const options = { source, clock: () => performance.now(), now: () => Date.now(), everyMs: 0 };
    const observe = createObserver({ ingester, ...options });
    const before = await observe();
    expect(before.snapshot.partitions).toEqual([]);
    expect(ingestReadiness(before, 1000)).toMatchObject({ ready: false, reasons: ['not begun'] });
    await ingester.run();
    const after = ingestMetrics(await observe(), BUFFER);
    expect(total(after, 'vamo_ingest_records_total')).toBe(records);
    expect(total(after, 'vamo_ingest_rows_total')).toBe(rows);
    expect(total(after, 'vamo_ingest_dead_letters_total')).toBe(records - rows);
    expect(total(after, 'vamo_ingest_commits_total')).toBe(2);
    expect(total(after, 'vamo_ingest_commit_seconds_total')).toBeGreaterThan(0);
    expect(total(after, 'vamo_ingest_offset_lag')).toBe(0);
    expect(total(after, 'vamo_ingest_event_lag_seconds')).toBe(0);
    expect(total(after, 'vamo_ingest_high_watermark')).toBe(
      total(after, 'vamo_ingest_committed_offset'),
    );

    await store.put('seg/day=2026-01-05/events-0-99-orphan.arrow', Buffer.alloc(123));
    const days = { ...sealConfig(2).days, latenessMs: 1000 };
    const config = { days, source: { topic: 'events', partitions: 2 } };
    const due = dayStartMs(dayKey('2026-01-05')) + DAY_MS + 1000;
    const figures = createDayFigures({
      store,
      config,
      now: () => due + 5000,
      everyMs: 0,
      orphansEveryMs: 0,
    });
    // A file that is there at the first look may belong to a flush in progress.
    expect(await figures()).toMatchObject({ orphans: 0, open: 3, sealed: 0 });
    expect(await figures()).toMatchObject({ orphans: 1, orphanBytes: 123, sealDelayMs: 5000 });
  });

  it('tell of a day that waits for its seal, unless all its rows are late', async () => {
    const store = await openDirectoryStore(join(root, 'late-only'));
    const { days, source } = sealConfig(1);
    const now = () => LIMIT_MS + DAY_MS;
    const figures = createDayFigures({ store, config: { days, source }, now, ...AT_ONCE });
    await commitArrivals(store, 0, [at(outcome('a', START), LIMIT_MS)]);
    expect(await figures()).toMatchObject({ open: 1, sealDelayMs: 0 });
    const inTime = [at(outcome('b', START), LIMIT_MS - 1), at(outcome('c', START), LIMIT_MS)];
    const other = await openDirectoryStore(join(root, 'in-time'));
    await commitArrivals(other, 0, inTime);
    const config = { days, source };
    const waiting = createDayFigures({ store: other, config, now, ...AT_ONCE });
    expect(await waiting()).toMatchObject({ open: 1, sealDelayMs: DAY_MS });
  });

  it('read of the store what is new, and look for orphans more rarely', async () => {
    const read: string[] = [];
    const memory = memoryStore();
    const store: ObjectStore = {
      ...memory,
      get(key) {
        read.push(key);
        return memory.get(key);
      },
      list(prefix, after) {
        read.push(prefix);
        return memory.list(prefix, after);
      },
    };
    const commit = (i: number) =>
      openLedger(memory, 't', 0).commit({
        ...{ schema: 'ledger/v1', topic: 't', partition: 0, nonce: 'n', records: 1 },
        ...{ from: String(i), to: String(i + 1), maxArrivalMs: 1, deadLetters: null },
        segments: [{ key: `seg/${String(i)}`, day: '2026-01-05', rows: 1, bytes: 1, sha256: 'x' }],
      });
    for (let i = 0; i < 3; i++) await commit(i);
    let nowMs = 0;
    const figures = createDayFigures({
      store,
      config: sealConfig(1),
      now: () => nowMs,
      everyMs: 10,
      orphansEveryMs: 1000,
    });
    const [first, meanwhile] = [figures(), figures()];
    expect(meanwhile).toBe(first);
    await first;
    expect(read).toContain('seg');
    await commit(3);
    read.length = 0;
    nowMs = 9;
    expect(figures()).toBe(first);
    nowMs = 10;
    expect(await figures()).toMatchObject({ open: 1 });
    expect(read.filter((key) => key.startsWith('ledger/t/0/'))).toEqual([
      'ledger/t/0/00000000000000000003.json',
    ]);
    expect(read).not.toContain('seg');
    nowMs = 1000;
    await figures();
    expect(read).toContain('seg');
  });

  it('show what is behind', () => {
    const metrics = ingestMetrics(look({ waitingMs: new Map([[1, 4000]]) }), BUFFER);
    const text = renderMetrics(metrics);
    expect(text).toContain('\nvamo_ingest_offset_lag{topic="t",partition="1"} 40\n');
    expect(text).toContain('\nvamo_ingest_event_lag_seconds{topic="t",partition="0"} 0\n');
    expect(text).toContain('\nvamo_ingest_event_lag_seconds{topic="t",partition="1"} 60\n');
    expect(text).toContain('\nvamo_ingest_commit_age_seconds{topic="t",partition="1"} 4\n');
    expect(text).toContain('# TYPE vamo_ingest_lost_commits_total counter\n');
    expect(text.endsWith('\n')).toBe(true);
    expect(total(ingestMetrics(look({ ends: undefined }), BUFFER), 'vamo_ingest_source_up')).toBe(
      0,
    );
  });

  it('count what was left out or lost, and tell the byte budget', () => {
    const { snapshot } = look();
    const stats = { ...snapshot.stats!, filtered: 7, gaps: 2 };
    const text = renderMetrics(ingestMetrics(look({ snapshot: { ...snapshot, stats } }), BUFFER));
    expect(text).toContain('\nvamo_ingest_gaps_total 2\n');
    expect(text).toContain('\nvamo_ingest_filtered_records_total 7\n');
    expect(text).toContain('\nvamo_ingest_buffer_limit_bytes 16777216\n');
  });

  it('measure waiting from the last commit or from when all was committed, whichever is later', async () => {
    let clock = 0;
    let end = 100;
    const { snapshot } = look({});
    const observe = createObserver({
      ingester: { snapshot: () => snapshot },
      source: { ends: () => Promise.resolve([end, 60]) },
      clock: () => clock,
      now: () => 0,
      everyMs: 0,
    });
    clock = 1_000_000;
    expect((await observe()).waitingMs).toEqual(new Map([0, 1].map((p) => [p, 0])));
    end = 101;
    clock += 70_000;
    const late = await observe();
    expect(late.waitingMs).toEqual(
      new Map([
        [0, 70_000],
        [1, 0],
      ]),
    );
    expect(ingestReadiness(late, 1000).reasons).toEqual([
      'partition 0: nothing committed for 70 s',
    ]);
    expect(ingestReadiness(late, 30_000).ready).toBe(true);
  });

  it('escape what a label may hold', () => {
    const samples = [{ labels: { topic: 'a"b\\c\nd' }, value: Infinity }];
    const text = renderMetrics([{ name: 'm', type: 'gauge', help: 'x', samples }]);
    expect(text).toBe('# HELP m x\n# TYPE m gauge\nm{topic="a\\"b\\\\c\\nd"} +Inf\n');
  });
});

describe('the metrics port', () => {
  let server: MetricsServer;
  let ready = true;
  beforeAll(async () => {
    server = await serveMetrics({
      host: '127.0.0.1',
      port: 0,
      metrics: () => Promise.resolve(processMetrics()),
      readiness: () => Promise.resolve({ ready, reasons: ready ? [] : ['stuck'] }),
    });
  });
  afterAll(() => server.close());
  const get = (path: string, method = 'GET') =>
    fetch(`http://127.0.0.1:${String(server.port)}${path}`, { method });

  it('serves text, health and readiness, and nothing else', async () => {
    const metrics = await get('/metrics');
    expect(metrics.headers.get('content-type')).toContain('version=0.0.4');
    expect(await metrics.text()).toMatch(/\nprocess_resident_memory_bytes \d+\n/);
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    ready = false;
    const stuck = await get('/readyz');
    expect([stuck.status, await stuck.json()]).toEqual([503, { ready: false, reasons: ['stuck'] }]);
    expect((await get('/')).status).toBe(404);
    expect((await get('/metrics', 'POST')).status).toBe(405);
  });

  it('is refused by name when it is taken', async () => {
    const taken = {
      host: '127.0.0.1',
      port: server.port,
      metrics: () => Promise.resolve([]),
      readiness: () => Promise.resolve({ ready, reasons: [] }),
    };
    await expect(serveMetrics(taken)).rejects.toMatchObject({ code: 'METRICS_PORT' });
  });
});

describe('the live view', () => {
  it('shows rates from one look to the next', () => {
    const before = look({ clockMs: 7_000 });
    const frame = frameOf(look(), before, 64 * 1048576);
    expect(frame).toMatchObject({ rowsPerSecond: 0, lag: 40, rows: 160, rssMiB: 64 });
    const { partitions } = look().snapshot;
    const earlier = partitions.map((p) => ({ ...p, rows: p.rows - 50 }));
    const slower = { ...before, snapshot: { ...before.snapshot, partitions: earlier } };
    expect(frameOf(look(), slower, 0).partitions.map((p) => p.rowsPerSecond)).toEqual([25, 25]);
  });

  it('knows no lag before partitions are assigned', () => {
    const { snapshot } = look();
    const none = look({ snapshot: { ...snapshot, partitions: [] } });
    expect(frameOf(none, undefined, 0)).toMatchObject({ lag: null, partitions: [] });
  });

  it('shows what is read before anything of it is committed', () => {
    const { snapshot } = look();
    const reading = (buffered: number): Observation =>
      look({
        clockMs: 1000 * buffered,
        snapshot: {
          ...snapshot,
          partitions: snapshot.partitions.map((p) => ({ ...p, buffered, bufferedRows: buffered })),
        },
      });
    const frame = frameOf(reading(3), reading(2), 0);
    expect(frame).toMatchObject({ rowsPerSecond: 2, buffered: 6, rows: 160 });
    expect(frame.partitions.map((p) => p.rowsPerSecond)).toEqual([1, 1]);
    expect(lineOf(frame)).toContain(', 6 records read since, ');
  });

  it('draws its first frame at once, also before a partition is assigned', async () => {
    let drawn = '';
    const stream = {
      ...{ isTTY: true, columns: 80, rows: 24 },
      write: (text: string) => (drawn += text),
    };
    const nothing = look({ snapshot: { topic: 't', partitions: [] }, ends: undefined });
    const observe = () => Promise.resolve(nothing);
    const view = watch({ observe, stream, json: false, everyMs: 60_000 });
    await vi.waitFor(() => expect(drawn).toContain('no partition is assigned yet'));
    await view.end();
  });

  it('fits the terminal', () => {
    const frame = frameOf(look(), undefined, 0);
    const view = viewOf(frame, [1, 2, 8], { columns: 60, rows: 24 });
    expect(view.join('\n')).toMatch(/partition +lag.* next\n *0 +0 .* 100\n *1 +40 .* 60$/);
    expect(view).toContain('▂▃█ rows/s');
    // Totals are parted, and offsets left out, before anything is cut.
    const most = { ...frame, rowsPerSecond: 123_456, lag: 99_999_999, rows: 9_999_999_999 };
    const partitions = [{ ...frame.partitions[0]!, next: 2 ** 52, rows: 9_999_999_999 }];
    for (const columns of [80, 64]) {
      const lines = viewOf({ ...most, partitions }, [1], { columns, rows: 24 }).join('\n');
      expect(lines.replaceAll('\n', ' ')).toContain(lineOf(most));
      expect(lines).toMatch(
        columns === 80 ? /9,999,999,999 +0 +4503599627370496$/ : / 9,999,999,999 +0$/,
      );
      expect(Math.max(...lines.split('\n').map((line) => line.length))).toBeLessThanOrEqual(
        columns,
      );
    }
    const small = viewOf(frame, [1], { columns: 30, rows: 6 });
    expect(small.at(-1)).toBe('... and 2 more partitions');
    expect(Math.max(...small.map((line) => line.length))).toBeLessThanOrEqual(30);
    expect(sparkline([0, 0], 5)).toBe('▁▁');
  });
});

describe('dashboard and alerts', () => {
  it('name only metrics that are exported', async () => {
    const exported = new Set(
      [
        ...ingestMetrics(look(), BUFFER),
        ...dayMetrics(undefined),
        ...clickhouseMetrics(undefined),
        ...processMetrics(),
      ].map((m) => m.name),
    );
    for (const file of ['grafana/vamo-ingest.json', 'prometheus/alerts.yml']) {
      const text = await readFile(new URL(`../../../deploy/${file}`, import.meta.url), 'utf8');
      const named = new Set(text.match(/\b(vamo|process)_[a-z_]+\b/g));
      expect(named.size).toBeGreaterThan(8);
      expect([...named].filter((name) => !exported.has(name))).toEqual([]);
    }
  });

  it('say what to do about each alert', async () => {
    const read = (path: string) => readFile(new URL(`../../../${path}`, import.meta.url), 'utf8');
    const alerts = (await read('deploy/prometheus/alerts.yml')).matchAll(/- alert: (\w+)/g);
    const names = [...alerts].map(([, name = '']) => name);
    const table = (await read('docs/observability.md')).split('## When an alert comes')[1] ?? '';
    expect(names).toContain('VamoIngestGap');
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(table))).toEqual([]);
  });
});
