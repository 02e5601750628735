import type { ChildProcess } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serverOf } from '../../src/cli/clickhouse.ts';
import { finished, startVamo, vamo } from '../helpers/cli.ts';

let dir: string;
let data: string;
const started: ChildProcess[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vamo-cli-clickhouse-'));
  data = join(dir, 'data');
});
afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

/** Starts a command that runs on, and waits for the address that it prints. */
async function running(args: readonly string[], address: RegExp) {
  const child = startVamo([...args, '--data', data]);
  started.push(child);
  const result = finished(child);
  const url = await new Promise<string>((resolve, reject) => {
    let text = '';
    const look = (chunk: Buffer): void => {
      text += chunk.toString();
      const found = address.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    void result.then((ended) => reject(new Error(`ended: ${ended.stderr}`)));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    return (await result).code;
  };
  return { url, stop };
}

const METRICS = /metrics: (\S+)\n/;

/** Asks until the answer is as awaited. */
async function until(ask: () => Promise<unknown>, awaited: unknown): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (JSON.stringify(await ask()) === JSON.stringify(awaited)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(await ask()).toEqual(awaited);
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(url)).text();
  const samples = text.match(new RegExp(`^${name}(\\{.*\\})? .*$`, 'gm')) ?? [];
  return samples.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function ask(sql: string, env: NodeJS.ProcessEnv = {}): Promise<unknown> {
  const args = ['days', '--json', '--sql', sql, '--data', data];
  const { stdout } = await finished(startVamo(args, env));
  return JSON.parse(stdout) as unknown;
}

const DAY = '2026-01-05';
const ROWS = `SELECT provisional, count() AS n FROM events_now WHERE day = '${DAY}' GROUP BY ALL`;

describe('vamo clickhouse', { timeout: 240_000 }, () => {
  it('serves open and sealed days to other processes while it keeps them up', async () => {
    const config = join(dir, 'tiny.json');
    const often = { clickhouse: { applyMs: 200 }, ingest: { flushMs: 200 } };
    await writeFile(config, JSON.stringify({ simulator: { auctionsPerDay: 96 }, ...often }));
    await vamo('simulate', '--data', data, '--config', config);
    const ingest = await running(
      ['ingest', '--follow', '--config', config, '--metrics', '0'],
      METRICS,
    );
    const ready = ingest.url.replace('/metrics', '/readyz');
    await until(async () => (await metric(ingest.url, 'vamo_ingest_rows_total')) > 0, true);
    await until(() => metric(ingest.url, 'vamo_ingest_offset_lag'), 0);
    expect((await fetch(ready)).status).toBe(200);
    expect(await ingest.stop()).toBe(0);
    const { stdout } = await vamo('days', '--json', '--data', data);
    const [{ records, dead_lettered }] = (
      JSON.parse(stdout) as { days: [{ records: number; dead_lettered: number }] }
    ).days;

    // A copy without tables, as a server that nothing was loaded into yet.
    await mkdir(join(data, 'clickhouse'));
    const early = await vamo('days', '--sql', ROWS, '--data', data);
    expect([early.code, early.stderr]).toEqual([
      1,
      expect.stringContaining('`vamo clickhouse load`'),
    ]);

    const serve = ['clickhouse', 'serve', '--config', config, '--metrics', '0'];
    const server = await running(serve, METRICS);
    const rows = records - dead_lettered;
    await until(() => metric(server.url, 'vamo_clickhouse_pending_segments'), 0);
    await until(async () => ask(ROWS), { rows: [{ provisional: 1, n: rows }] });
    expect(await metric(server.url, 'vamo_clickhouse_loaded_rows_total')).toBeGreaterThanOrEqual(
      rows,
    );
    // A second loader is refused, but sealing goes on beside it.
    const second = await vamo('clickhouse', 'load', '--json', '--data', data);
    expect(second.stdout).toContain('DATA_LOCKED');
    const seal = await vamo('seal', '--day', DAY, '--at-end', '--json', '--data', data);
    const { sealed } = JSON.parse(seal.stdout) as { sealed: [{ counts: { accepted: number } }] };
    const accepted = { rows: [{ provisional: 0, n: sealed[0].counts.accepted }] };
    await until(async () => ask(ROWS), accepted);
    expect((await vamo('verify', '--data', data)).code).toBe(0);

    const record = JSON.parse(await readFile(join(data, 'clickhouse-front.json'), 'utf8')) as {
      url: string;
      token: string;
    };
    const asServer = { CLICKHOUSE_URL: record.url, CLICKHOUSE_PASSWORD: record.token };
    expect(await ask(ROWS, asServer)).toEqual(accepted);
    expect(await ask('DROP TABLE events', asServer)).toMatchObject({
      error: { code: 'SQL_FAILED' },
    });

    // Another directory may read here, and neither add days nor take any out.
    const trial = join(dir, 'trial');
    await vamo('simulate', '--data', trial, '--config', config);
    await vamo('ingest', '--data', trial, '--config', config);
    const asTrial = async (...args: string[]) => {
      const child = startVamo([...args, '--json', '--data', trial, '--config', config], asServer);
      return JSON.parse((await finished(child)).stdout) as unknown;
    };
    const owned = {
      error: { code: 'SQL_OWNED', message: expect.stringContaining(data) as string },
    };
    expect(await asTrial('clickhouse', 'load')).toMatchObject(owned);
    expect(await asTrial('seal', '--day', DAY, '--at-end')).toMatchObject(owned);
    expect(await asTrial('rebuild', '--all')).toMatchObject(owned);
    expect(await asTrial('verify')).toMatchObject({
      unread: expect.stringContaining('CLICKHOUSE_DATABASE') as string,
    });
    expect(await asTrial('days', '--sql', ROWS)).toEqual(accepted);
    expect((await vamo('verify', '--data', data)).code).toBe(0);

    expect(await server.stop()).toBe(0);
    await expect(access(join(data, 'clickhouse-front.json'))).rejects.toThrow('ENOENT');
    // Open days were all brought in: nothing is told to be missing.
    const whole = await vamo('days', '--json', '--sql', ROWS, '--data', data);
    expect([JSON.parse(whole.stdout), whole.stderr]).toEqual([accepted, '']);
    expect(await ask(ROWS, asServer)).toMatchObject({ error: { code: 'SQL_UNREACHABLE' } });
  });
});

describe('the server of the environment', () => {
  it('is none, or an address with user and password apart', () => {
    expect(serverOf({})).toBeUndefined();
    expect(serverOf({ CLICKHOUSE_URL: 'http://u:p%40@ch:8123/x' })).toEqual({
      url: 'http://ch:8123',
      user: 'u',
      password: 'p@',
      database: undefined,
    });
    const env = { CLICKHOUSE_USER: 'v', CLICKHOUSE_PASSWORD: 'w', CLICKHOUSE_DATABASE: 'd' };
    expect(serverOf({ CLICKHOUSE_URL: 'https://ch', ...env })).toEqual({
      url: 'https://ch',
      user: 'v',
      password: 'w',
      database: 'd',
    });
    for (const url of ['ch:8123', 'tcp://u:secret@ch'])
      expect(() => serverOf({ CLICKHOUSE_URL: url })).toThrow(/^CLICKHOUSE_URL: (?!.*secret)/);
  });
});
