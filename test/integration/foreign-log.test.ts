import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
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
      ...{ records: 904, filtered: 1, dead_lettered: 2, kept: 901 },
      rows: records - 2,
    });
    const bad: unknown[] = [];
    for (const { day } of days.filter(({ dead_lettered = 0 }) => dead_lettered > 0))
      bad.push(...((await run('days', String(day))) as { bad: unknown[] }).bad);
    const place = {
      records: 1,
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
});
