import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/core/index.ts';
import {
  compileMapping,
  createIngester,
  createRawFileSource,
  type FaultPoint,
  findFiles,
  keyPattern,
  loadMapping,
} from '../../../src/ingest/index.ts';
import { type ObjectStore, openDirectoryStore, readLedgers } from '../../../src/store/index.ts';
import { IPINYOU_HEADER, ipinyouLine, ipinyouTime } from '../../helpers/foreign-logs.ts';
import { committedDeadLetters, committedRows } from '../../helpers/ingest-rows.ts';

let root: string;
let store: ObjectStore;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vamo-raw-'));
  store = await openDirectoryStore(join(root, 'data'));
});
afterEach(() => rm(root, { recursive: true }));

const DAY = Date.parse('2013-06-05T16:00:00Z');
const impression = (id: number, ms: number, last?: readonly string[]) =>
  ipinyouLine(
    { bidid: `b-${id}`, timestamp: ipinyouTime(ms), advertiser: id % 2 ? '1458' : '3358' },
    last,
  );

/** Two files, one of them compressed, unsorted, with days that overlap; how many lines of each sort. */
async function writeLogs() {
  const lines = (from: number, count: number, startMs: number, last?: readonly string[]) =>
    Array.from({ length: count }, (_, i) =>
      impression(from + i, startMs + ((i * 7919) % count) * 100_000, last),
    );
  const first = ['junk', IPINYOU_HEADER, ...lines(0, 900, DAY - 3_600_000)];
  first.splice(400, 0, impression(3, DAY + 1000), '', ipinyouLine({ bidprice: 'x' }));
  const second = lines(900, 900, DAY + 50_000_000, ['1', '0']);
  await mkdir(join(root, 'logs'));
  await writeFile(join(root, 'logs', 'imp.20130606.txt'), `${first.join('\n')}\n`);
  await writeFile(join(root, 'logs', 'imp.20130607.txt.gz'), gzipSync(second.join('\r\n')));
  return { records: first.length + second.length, filtered: 2, bad: 2, outcomes: 1801, carts: 900 };
}

async function ingest(faultPoint?: FaultPoint) {
  const tasks = [{ id: 'store' }];
  const options = { tasks: new Set(['store']), utcOffsetMinutes: 480 };
  return createIngester({
    source: createRawFileSource({
      files: join(root, 'logs', 'imp.*'),
      topic: 'ipinyou',
      chunkBytes: 50_000,
    }),
    decoder: compileMapping(await loadMapping('ipinyou'), options),
    store,
    tasks,
    utcOffsetMinutes: 480,
    ingest: { flushRows: 300, flushMs: 60_000, maxBadShare: 0.05 },
    clock: () => performance.now(),
    log: silentLogger,
    ...(faultPoint ? { faultPoint } : {}),
  }).run();
}

async function countsByKind(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const rows of (await committedRows(store)).values())
    for (const { kind } of rows) counts[String(kind)] = (counts[String(kind)] ?? 0) + 1;
  return counts;
}

describe('raw files through a mapping', () => {
  it('gives every line once: as events, as a dead letter or filtered', async () => {
    const made = await writeLogs();
    const stats = await ingest();
    expect(stats).toMatchObject({
      records: made.records,
      filtered: made.filtered,
      deadLetters: made.bad,
    });
    const { outcome, cart, campaign = 0 } = await countsByKind();
    expect({ outcome, cart }).toEqual({ outcome: made.outcomes, cart: made.carts });
    expect(stats.rows).toBe(made.outcomes + made.carts + campaign);
    expect(stats.records).toBe(made.filtered + made.bad + made.outcomes);
    // Once an offset range and advertiser and day, not once a line.
    expect(campaign).toBeLessThan(60);
    // The first line says nothing of its time: it came with the lines of its range.
    const days = (await readLedgers(store)).flatMap((e) => Object.keys(e.deadLetters?.byDay ?? {}));
    expect(days.every((day) => day >= '2013-06-05')).toBe(true);
    expect(await committedDeadLetters(store)).toHaveLength(made.bad);
    expect(await ingest()).toMatchObject({ records: 0 });
  });

  it.each(['buffered', 'filed', 'committed'] as const)(
    'loses and doubles nothing when it dies at "%s"',
    async (at) => {
      const made = await writeLogs();
      for (let deaths = 0; ; deaths++) {
        let calls = 0;
        const ended = await ingest((point) => {
          if (point === at && deaths < 3 && ++calls === 2) throw new Error('killed');
        }).catch((error: unknown) => error);
        if (!(ended instanceof Error)) break;
        expect(ended.message).toContain('killed');
        expect(deaths).toBeLessThan(3);
      }
      expect(await countsByKind()).toMatchObject({ outcome: made.outcomes, cart: made.carts });
    },
  );

  it('refuses files that changed or came in addition, and a pattern without files', async () => {
    await writeLogs();
    await ingest();
    await appendFile(join(root, 'logs', 'imp.20130606.txt'), 'more\n');
    const refused = (message: string) =>
      expect(ingest()).rejects.toMatchObject({
        code: 'INGEST_SOURCE_CHANGED',
        message: `source.files: ${message}`,
        mend: expect.stringContaining('vamo backfill --files') as string,
      });
    const changed = 'the contents of the 2 files are others than at the first ingest';
    await refused(`${changed} (the first that differs is file 1, in the order of their paths)`);
    await writeFile(join(root, 'logs', 'imp.20130608.txt'), 'new\n');
    await refused('there are 3 files, at the first ingest there were 2');
    await rm(join(root, 'logs'), { recursive: true });
    await expect(ingest()).rejects.toMatchObject({ code: 'INGEST_SOURCE' });
  });

  it('says which compressed file is damaged', async () => {
    await mkdir(join(root, 'logs'));
    const bytes = gzipSync(impression(1, DAY));
    await writeFile(join(root, 'logs', 'imp.gz'), bytes.subarray(0, bytes.length - 9));
    await expect(ingest()).rejects.toMatchObject({
      code: 'INGEST_SOURCE',
      message: expect.stringContaining('imp.gz') as string,
    });
  });

  it('finds files by names, in any folder, in the order of their paths', async () => {
    await mkdir(join(root, 'a', 'b'), { recursive: true });
    for (const name of ['a/x1.tsv', 'a/b/x2.tsv', 'a/y1.tsv', 'a/.x3.tsv', 'a/x10.tsv'])
      await writeFile(join(root, name), '');
    const find = async (glob: string) =>
      (await findFiles(join(root, glob))).map((path) => path.slice(root.length + 1));
    expect(await find('a/x?.tsv')).toEqual(['a/x1.tsv']);
    expect(await find('**/x*.tsv')).toEqual(['a/b/x2.tsv', 'a/x1.tsv', 'a/x10.tsv']);
    expect(await find('a/y1.tsv')).toEqual(['a/y1.tsv']);
    await expect(find('a/z*')).rejects.toMatchObject({ code: 'INGEST_SOURCE' });
    await expect(findFiles('s3://logs/*.tsv')).rejects.toMatchObject({
      code: 'INGEST_SOURCE',
      message: 's3://logs/*.tsv: files of s3:// are not read here',
      mend: expect.stringContaining('vamo backfill --files') as string,
    });
  });

  it.each([
    ['a/x?.tsv', 'a/x', ['a/x1.tsv']],
    ['**/x*.tsv', '', ['a/b/x2.tsv', 'a/x1.tsv', 'a/x10.tsv']],
    ['a/**/x*.tsv', 'a/', ['a/b/x2.tsv', 'a/x1.tsv', 'a/x10.tsv']],
    ['a/*/x2.tsv', 'a/', ['a/b/x2.tsv']],
    ['a/y1.tsv', 'a/y1.tsv', ['a/y1.tsv']],
    ['a/.x*', 'a/.x', ['a/.x3.tsv']],
    ['a/*', 'a/', ['a/x1.tsv', 'a/x10.tsv', 'a/y1.tsv']],
  ])('finds keys by %s as it finds files', (glob, prefix, keys) => {
    const all = ['a/', 'a/.h/x4.tsv', 'a/.x3.tsv', 'a/b/x2.tsv', 'a/x1.tsv', 'a/x10.tsv'];
    const pattern = keyPattern(glob);
    expect(pattern.prefix).toBe(prefix);
    expect([...all, 'a/y1.tsv'].filter((key) => pattern.test(key))).toEqual(keys);
  });
});
