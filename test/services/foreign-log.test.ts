import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vamo } from '../helpers/cli.ts';
import { IPINYOU_HEADER, ipinyouLine, ipinyouTime } from '../helpers/foreign-logs.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vamo-foreign-'));
  await mkdir(join(root, 'logs'));
});
afterAll(() => rm(root, { recursive: true }));

const MIDNIGHT = Date.parse('2013-06-06T00:00:00+08:00');
const HOUR = 3_600_000;
const line = (bid: number, ms: number, last?: readonly string[]): string =>
  ipinyouLine({ bidid: `b-${bid}`, timestamp: ipinyouTime(ms), payprice: '70' }, last);

/** 600 impressions over two days, from the last to the first. */
function secondFile(): string[] {
  return Array.from({ length: 600 }, (_, i) =>
    line(1000 + i, MIDNIGHT + 47 * HOUR - i * (HOUR / 15), ['0', i % 100 === 0 ? '1' : '0']),
  );
}

async function run(...args: string[]): Promise<Record<string, unknown>> {
  const data = ['--data', join(root, 'data'), '--config', join(root, 'config.json'), '--json'];
  const { code, stdout, stderr } = await vamo(...args, ...data);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe('a foreign log, by a mapping alone', () => {
  it('is checked, ingested and sealed; the totals of each day add up', async () => {
    const first = [
      IPINYOU_HEADER,
      ...Array.from({ length: 300 }, (_, i) => line(i, MIDNIGHT - HOUR + i * (HOUR / 5))),
      line(7, MIDNIGHT - HOUR + 7 * (HOUR / 5)),
      'no line of this log',
      ipinyouLine({ advertiser: 'null' }),
    ];
    await writeFile(join(root, 'logs', 'imp.1.txt'), `${first.join('\n')}\n`);
    await writeFile(join(root, 'logs', 'imp.2.txt.gz'), gzipSync(secondFile().join('\n')));
    const source = { kind: 'files', topic: 'ipinyou', files: 'logs/imp.*', mapping: 'ipinyou' };
    const config = { days: { utcOffsetMinutes: 480 }, market: { reserve: 0 }, source };
    await writeFile(join(root, 'config.json'), JSON.stringify(config));

    const check = await run('mapping', 'check', 'ipinyou', join(root, 'logs', 'imp.1.txt'));
    expect(check).toMatchObject({ ok: true, lines: 304, accepted: 301, filtered: 1, refused: 2 });

    const stats = await run('ingest');
    expect(stats).toMatchObject({ records: 904, filtered: 1, deadLetters: 2 });
    const { waiting } = await run('seal');
    expect(waiting).toEqual([]);
    const { days, read } = (await run('days')) as {
      days: Record<string, number>[];
      read: Record<string, number>;
    };
    expect(days.map(({ day, sealed }) => [day, sealed])).toEqual([
      ['2013-06-05', true],
      ['2013-06-06', true],
      ['2013-06-07', true],
      ['2013-06-08', true],
    ]);
    let records = 0;
    for (const { records: all = 0, accepted = 0, duplicate = 0, late, dead_lettered = 0 } of days) {
      expect(all).toBe(accepted + duplicate + dead_lettered);
      expect(late).toBe(0);
      records += all;
    }
    expect(records).toBe(Number(stats['rows']) + 2);
    // Every line is found again: in the rows of the days, or among what gave none.
    expect(read).toEqual({
      ...{ records: 904, filtered: 1, dead_lettered: 2, repeated: 0, kept: 901 },
      rows: records - 2,
    });
    const bad: unknown[] = [];
    for (const { day } of days.filter(({ dead_lettered = 0 }) => dead_lettered > 0))
      bad.push(...((await run('days', String(day))) as { bad: unknown[] }).bad);
    const place = {
      records: 1,
      replayed: 0,
      first: expect.stringMatching(/^ipinyou\/0\/\d+$/) as string,
      file: expect.stringMatching(/^dlq\/ipinyou-0-0-.*\.jsonl$/) as string,
    };
    expect(bad).toHaveLength(2);
    expect(bad).toContainEqual({ ...place, reason: '1 columns; must be 27 or 29' });
    const sql = `SELECT countIf(kind = 'outcome') AS outcomes, countIf(kind = 'conversion') AS sold,
      sum(cost) AS cost FROM events`;
    expect(await run('days', '--sql', sql)).toMatchObject({
      rows: [{ outcomes: 900, sold: 6, cost: 900 * 70 }],
    });
    expect(await run('ingest')).toMatchObject({ records: 0 });
  });

  it('is not gone on with by another mapping', async () => {
    const shipped = await readFile('config/mappings/ipinyou.json', 'utf8');
    await writeFile(join(root, 'own.json'), shipped.replace('"budget": 100', '"budget": 200'));
    await writeFile(join(root, 'other.json'), JSON.stringify({ source: { mapping: 'own.json' } }));
    const { code, stderr } = await vamo(
      ...['ingest', '--data', join(root, 'data'), '--config', join(root, 'other.json')],
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/DATA_RULES: source\.mapping/);
  });

  it('gives up its dead letters to a corrected mapping', async () => {
    const shipped = await readFile('config/mappings/ipinyou.json', 'utf8');
    const wrong = JSON.parse(shipped.replace('[27, 29]', '[29]')) as Record<string, unknown>;
    // Arrivals that only a line itself could tell, had it been read.
    await writeFile(join(root, 'wrong.json'), JSON.stringify({ ...wrong, arrival: wrong['time'] }));
    const lines = Array.from({ length: 30 }, (_, i) =>
      line(i, MIDNIGHT + i * (HOUR / 5), i < 20 ? ['0', '0'] : []),
    );
    await writeFile(join(root, 'logs', 'wrong.txt'), lines.join('\n'));
    const source = { kind: 'files', topic: 'x', files: 'logs/wrong.txt', mapping: 'wrong.json' };
    const config = { days: { utcOffsetMinutes: 480 }, ingest: { maxBadShare: 1 }, source };
    await writeFile(join(root, 'wrongly.json'), JSON.stringify(config));
    const where = ['--data', join(root, 'wrongly'), '--config', join(root, 'wrongly.json')];
    const does = async (...args: string[]): Promise<Record<string, unknown>> => {
      const { code, stdout, stderr } = await vamo(...args, '--json', ...where);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as Record<string, unknown>;
    };
    expect(await does('ingest')).toMatchObject({ records: 30, deadLetters: 10 });
    await does('seal');
    const day = '2013-06-06';
    const replay = ['backfill', '--from', day, '--to', day, '--dead-letters'];
    const same = await does(...replay, '--dry-run');
    const still = await does(...replay);
    expect(still['stats']).toMatchObject({ records: 10, deadLetters: 10 });
    expect(await does('days', day)).toMatchObject({
      days: [{ dead_lettered: 10, replayed: 0 }],
      bad: [{ records: 10, replayed: 0 }],
    });
    await does('backfill', '--undo', String(still['id']));
    const done = await does(...replay, '--mapping', 'ipinyou');
    expect(done['id']).not.toBe((same['plan'] as { id: string }).id);
    // Each line gives an outcome, the first one the campaign, too, which the day has already.
    expect(done['stats']).toEqual({ records: 10, filtered: 0, rows: 11, deadLetters: 0 });
    expect(await does('days', day)).toMatchObject({
      days: [{ accepted: 31, duplicate: 1, dead_lettered: 0, replayed: 10, records: 42 }],
      bad: [{ records: 10, replayed: 10 }],
    });
    const topic = await vamo('backfill', '--from', day, '--to', day, '--mapping', 'x', ...where);
    expect([topic.code, topic.stderr]).toEqual([
      2,
      expect.stringContaining('--mapping needs --files or --dead-letters'),
    ]);
  });
});

describe('a mapping that takes no outcomes', () => {
  it('is told by the check, and its lines are not said to have given rows', async () => {
    const shipped = await readFile('config/mappings/ipinyou.json', 'utf8');
    const bids = '"when": { "column": "logtype", "is": ["bid"] }';
    const own = shipped.replace('"when": { "column": "logtype", "is": [1, null] }', bids);
    await writeFile(join(root, 'bids.json'), own);
    const log = join(root, 'bids.txt');
    const shows = Array.from({ length: 40 }, (_, i) => line(i, MIDNIGHT + i));
    await writeFile(log, [...shows, ipinyouLine({ click: '1' })].join('\n'));
    const source = { kind: 'files', topic: 't', files: 'bids.txt', mapping: './bids.json' };
    const config = join(root, 'bids-config.json');
    await writeFile(config, JSON.stringify({ days: { utcOffsetMinutes: 480 }, source }));

    const check = await vamo('mapping', 'check', join(root, 'bids.json'), log, '--config', config);
    expect(check).toMatchObject({ code: 0, stderr: '' });
    expect(check.stdout).toContain('41 lines = 2 gave events + 39 only repeats + 0 filtered');
    expect(check.stdout).toContain('events: campaign 1, cart 1\n');
    expect(check.stdout).toContain('distinct ids: campaign 1, cart 1\n');
    expect(check.stdout).toContain('days at +08:00: 2013-06-06 2\n');
    expect(check.stdout).toContain('warning: events.1 (outcome) gave no event');

    const where = ['--data', join(root, 'bids-data'), '--config', config];
    expect(await vamo('ingest', ...where)).toMatchObject({ code: 0 });
    expect((await vamo('days', ...where)).stdout).toContain(
      'read 41 records = 0 filtered + 0 dead-lettered + 39 only repeats + 2 that gave 2 rows',
    );
  });
});

describe('a first ingest that commits nothing', () => {
  it('says why, and leaves the directory free for another mapping, zone and log', async () => {
    const log = join(root, 'first.txt');
    await writeFile(log, Array.from({ length: 200 }, (_, i) => line(i, MIDNIGHT + i)).join('\n'));
    const config = join(root, 'first.json');
    const ingest = async (utcOffsetMinutes: number, files: string, mapping: string) => {
      const source = { kind: 'files', topic: 't', files, mapping };
      await writeFile(config, JSON.stringify({ days: { utcOffsetMinutes }, source }));
      return vamo('ingest', '--data', join(root, 'first-data'), '--config', config);
    };
    const failed = await ingest(0, 'first.*xt', 'auctionnet');
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('200 of the last 200 records are bad');
    expect(failed.stderr).toContain('200 of them as the one at offset 0 (3 columns; must be 18)');
    await writeFile(log, `${await readFile(log, 'utf8')}\n${line(200, MIDNIGHT)}`);
    const { code, stdout, stderr } = await ingest(480, 'first.txt', 'ipinyou');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('201 records: 202 rows');
    expect((await ingest(480, 'first.txt', 'auctionnet')).stderr).toMatch(/DATA_RULES: source/);
    expect((await ingest(0, 'first.txt', 'ipinyou')).stderr).toMatch(/DATA_RULES: days/);
  });
});

/** A line, and what it is to become; none = left out or no line of this log. */
interface Made {
  readonly text: string;
  readonly ms: number;
  readonly advertiser?: string;
  /** KIND of an event; its id is the bid's. */
  readonly kinds?: readonly string[];
  readonly id?: string;
}

const ADVERTISERS = ['1458', '3358', '3427'] as const;

/** A line of each log and form in turn, from a stream of ids some of which come twice. */
function madeLine(i: number, ms: number): Made {
  const advertiser = ADVERTISERS[i % 3]!;
  const id = `b-${i % 11 === 0 ? Math.max(0, i - 33) : i}`;
  const cells = { bidid: id, advertiser, timestamp: ipinyouTime(ms) };
  const of = (text: string, ...kinds: string[]): Made => ({ text, ms, advertiser, kinds, id });
  switch (i % 7) {
    case 0:
      return of(ipinyouLine({ ...cells, click: '1' }), 'outcome', 'cart');
    case 1:
      return of(ipinyouLine(cells, ['2', '1']), 'outcome', 'cart', 'conversion');
    case 2:
      return of(ipinyouLine({ ...cells, logtype: '2' }), 'cart');
    case 3:
      return of(
        ipinyouLine({ ...cells, logtype: '3', payprice: 'null' }, ['0', '0']),
        'conversion',
      );
    case 4:
      return { text: ipinyouLine({ ...cells, logtype: '0', payprice: 'null' }), ms };
    case 5:
      return of(ipinyouLine({ ...cells, region: 'null', usertag: 'null' }, ['0', '0']), 'outcome');
    default:
      return of(ipinyouLine({ ...cells, domain: '' }), 'outcome');
  }
}

/** Unsorted lines from an hour on, a hundred seconds apart. */
const madeFile = (from: number, count: number, startMs: number): Made[] =>
  Array.from({ length: count }, (_, i) =>
    madeLine(from + i, startMs + ((i * 7919) % count) * 100_000),
  );

describe('logs of every kind, with the ends, marks and gaps that files have', () => {
  it('are accounted for line by line, day by day, by ingest and by backfill', async () => {
    const logs = join(root, 'kinds');
    await mkdir(logs);
    // Every file begins before midnight, ends on the second day, and has ids of the one before.
    const files = [
      madeFile(0, 1200, MIDNIGHT - HOUR),
      madeFile(1190, 1200, MIDNIGHT - 2 * HOUR),
      madeFile(2380, 1200, MIDNIGHT - 3 * HOUR),
    ];
    const [plain, packed, squeezed] = files.map((lines) => lines.map(({ text }) => text));
    const header = `\ufeff${IPINYOU_HEADER}`;
    await writeFile(join(logs, '1.txt'), [header, '', ...plain!, '', 'junk', ''].join('\r\n'));
    await writeFile(join(logs, '2.txt.gz'), gzipSync(`\n${packed!.join('\n\n')}\n`));
    await writeFile(join(logs, '3.txt.br'), brotliCompressSync(`\ufeff${squeezed!.join('\r\n')}`));
    const blank = 2 + 1200;
    const leftOut = files.flat().filter(({ kinds }) => kinds === undefined).length;
    const filtered = 1 + blank + leftOut;

    const source = { kind: 'files', topic: 'ipinyou', files: 'kinds/*', mapping: 'ipinyou' };
    const config = { days: { utcOffsetMinutes: 480 }, market: { reserve: 0 }, source };
    await writeFile(join(root, 'kinds.json'), JSON.stringify(config));
    const runIn = async (data: string, ...args: string[]): Promise<Record<string, unknown>> => {
      const where = ['--data', join(root, data), '--config', join(root, 'kinds.json'), '--json'];
      const { code, stdout, stderr } = await vamo(...args, ...where);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as Record<string, unknown>;
    };

    /** What each day must come to, told by the lines alone. */
    const accepted = new Map<string, Set<string>>();
    const rows = new Map<string, number>();
    for (const lines of files) {
      const once = new Set<string>();
      for (const { ms, advertiser = '', kinds = [], id = '' } of lines) {
        const day = new Date(ms + 8 * HOUR).toISOString().slice(0, 10);
        const ids = kinds.map((kind) => `${kind} ${id}`);
        if (ids.length > 0 && !once.has(`${day} ${advertiser}`)) ids.push(`budget ${advertiser}`);
        once.add(`${day} ${advertiser}`);
        accepted.set(day, new Set([...(accepted.get(day) ?? []), ...ids]));
        rows.set(day, (rows.get(day) ?? 0) + ids.length);
      }
    }
    const expected = [...accepted.keys()].sort().map((day) => ({
      day,
      accepted: accepted.get(day)!.size,
      duplicate: rows.get(day)! - accepted.get(day)!.size,
      late: 0,
    }));
    expect(expected.map(({ duplicate }) => duplicate > 0)).toEqual([true, true, true]);

    const records = 3600 + 1 + 1 + blank;
    expect(await runIn('live', 'ingest')).toMatchObject({ records, filtered, deadLetters: 1 });
    await runIn('live', 'seal');
    interface Reported {
      readonly days: (Record<string, number> & { digest: string })[];
      readonly read: Record<string, number>;
    }
    const { days, read } = (await runIn('live', 'days')) as unknown as Reported;
    expect(days).toMatchObject(expected);
    for (const { records: all, accepted = 0, duplicate = 0, dead_lettered = 0 } of days)
      expect(all).toBe(accepted + duplicate + dead_lettered);
    expect(days.reduce((sum, { dead_lettered = 0 }) => sum + dead_lettered, 0)).toBe(1);
    const kept = records - filtered - 1;
    expect(read).toMatchObject({ records, filtered, dead_lettered: 1, kept });

    const range = ['--from', expected[0]!.day, '--to', expected.at(-1)!.day];
    const pattern = ['--files', join(logs, '*'), '--mapping', 'ipinyou'];
    const done = await runIn('past', 'backfill', ...range, ...pattern);
    expect(done['stats']).toMatchObject({ records, filtered, deadLetters: 1 });
    const past = (await runIn('past', 'days')) as unknown as Reported;
    expect(past.days).toMatchObject(expected);
    expect(past.days.map(({ digest }) => digest)).toEqual(days.map(({ digest }) => digest));
  }, 120_000);
});
