import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createClient, type ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  announceFront,
  type Engine,
  findFront,
  type Front,
  openEmbedded,
  openFront,
  openServer,
  withdrawFront,
} from '../../src/clickhouse/index.ts';
import { insertFromFile } from '../../src/clickhouse/front/insert.ts';
import { silentLogger } from '../../src/core/index.ts';
import { temporaryFolder } from '../helpers/days-fixture.ts';

const TOKEN = 'a-token-of-sixteen-or-more';
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let engine: Engine;
let front: Front;
let url: string;
const clients: ClickHouseClient[] = [];
const client = (password: string): ClickHouseClient => {
  const one = createClient({ url, password, username: 'vamo', log: { level: 127 } });
  clients.push(one);
  return one;
};

beforeAll(async () => {
  folder = await temporaryFolder();
  const directory = join(folder.path, 'clickhouse');
  engine = await openEmbedded(directory);
  front = await openFront({
    directory,
    spool: join(folder.path, 'spool'),
    host: '127.0.0.1',
    port: 0,
    token: TOKEN,
    log: silentLogger,
  });
  url = `http://127.0.0.1:${String(front.port)}`;
});
afterAll(async () => {
  for (const one of clients) await one.close();
  await front.close();
  await engine.close();
  await folder.remove();
});

describe('the front, asked by an ordinary client', () => {
  it('creates, inserts JSON, answers in the asked format, and binds parameters', async () => {
    const ch = client(TOKEN);
    expect(await ch.ping()).toEqual({ success: true });
    await ch.command({ query: 'CREATE TABLE j (a Int64, b String) ENGINE = MergeTree ORDER BY a' });
    const values = Array.from({ length: 1000 }, (_, a) => ({ a, b: `ü'"\\\n${String(a)}` }));
    await ch.insert({ table: 'j', values, format: 'JSONEachRow' });
    const query = 'SELECT a, b FROM j WHERE a >= {from:Int64} ORDER BY a';
    const found = await ch.query({ query, query_params: { from: 998 }, format: 'JSONEachRow' });
    expect(await found.json()).toEqual(values.slice(998));
    const csv = await ch.query({ query: 'SELECT count() FROM j', format: 'CSV' });
    expect(await csv.text()).toBe('1000\n');
    expect(csv.response_headers['x-clickhouse-query-id']).toBe(csv.query_id);
  });

  it('takes Arrow as a stream of bytes, also through input(), and gives it back', async () => {
    const ch = client(TOKEN);
    const path = join(folder.path, 'rows.arrow');
    await engine.command(
      `INSERT INTO FUNCTION file('${path}', Arrow) SELECT number AS a, toString(number) AS b FROM numbers(70000)
       SETTINGS output_format_arrow_compression_method = 'none'`,
    );
    await ch.command({
      query: 'CREATE TABLE ar (day Date, a Int64, b String) ENGINE = MergeTree ORDER BY a',
    });
    for (const query of [
      'INSERT INTO ar (a, b) FORMAT Arrow',
      "INSERT INTO ar (day, a, b) SELECT toDate('2026-01-05'), a, b FROM input('a Int64, b String') FORMAT Arrow",
    ]) {
      const { stream } = await ch.exec({ query, values: createReadStream(path) });
      for await (const _ of stream);
    }
    const sql = 'SELECT toString(day) AS day, count() AS n, sum(a) AS total FROM ar GROUP BY day';
    expect(await engine.query(`${sql} ORDER BY day`)).toEqual([
      { day: '1970-01-01', n: 70000, total: 2449965000 },
      { day: '2026-01-05', n: 70000, total: 2449965000 },
    ]);
    const { stream } = await ch.exec({ query: 'SELECT a FROM ar LIMIT 10 FORMAT Arrow' });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString('latin1', 0, 6)).toBe('ARROW1');
    expect(await readdir(join(folder.path, 'spool'))).toEqual([]);
  });

  it('keeps what a request sets from the next one', async () => {
    const ch = client(TOKEN);
    const ask = async (settings: Record<string, string>): Promise<unknown> => {
      const query = "SELECT getSetting('max_threads') AS n, toInt64(9007199254740993) AS big";
      const result = await ch.query({ query, format: 'JSON', clickhouse_settings: settings });
      return (await result.json<{ n: number }>()).data[0];
    };
    const quoted = { max_threads: '3', output_format_json_quote_64bit_integers: '1' };
    expect(await ask(quoted)).toMatchObject({ big: '9007199254740993', n: 3 });
    expect(await ask({ max_threads: '5' })).toMatchObject({ n: 5 });
    expect(await ask({})).not.toMatchObject({ n: 5 });
    await expect(ch.command({ query: 'SET max_threads = 1' })).rejects.toMatchObject({
      code: '48',
    });
  });

  it('tells errors with the engine’s number', async () => {
    const ch = client(TOKEN);
    const failing = (query: string) => expect(ch.query({ query })).rejects;
    await failing('SELECT nocolumn FROM numbers(1)').toMatchObject({
      code: '47',
      type: 'UNKNOWN_IDENTIFIER',
    });
    await failing('SELECT * FROM notable').toMatchObject({ code: '60' });
    await expect(ch.command({ query: 'CREATE TABEL t' })).rejects.toMatchObject({ code: '62' });
    const body = await fetch(`${url}/?query=SELECT+x`, { headers: { 'x-clickhouse-key': TOKEN } });
    expect([body.status, body.headers.get('x-clickhouse-exception-code')]).toEqual([404, '47']);
    expect((await fetch(`${url}/?query=SELECT+1&max_thraeds=1`)).status).toBe(404);
    expect((await fetch(`${url}/play`)).status).toBe(501);
    // A body that breaks off inserts nothing.
    await ch.command({ query: 'CREATE TABLE torn (a Int64) ENGINE = MergeTree ORDER BY a' });
    const values = createReadStream(join(folder.path, 'rows.arrow'), { end: 100_000 });
    const query = 'INSERT INTO torn FORMAT Arrow';
    await expect(ch.exec({ query, values })).rejects.toMatchObject({
      code: expect.anything() as string,
    });
    expect(await engine.query('SELECT count() AS n FROM torn')).toEqual([{ n: 0 }]);
  });

  it('lets those without the token read, and those with a wrong one nothing', async () => {
    const other = client('');
    expect(await (await other.query({ query: 'SELECT 1', format: 'CSV' })).text()).toBe('1\n');
    for (const query of [
      'CREATE TABLE x (a Int64) ENGINE = Memory',
      'INSERT INTO ar (a) VALUES (1)',
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
      'DROP TABLE ar',
    ])
      await expect(other.command({ query })).rejects.toMatchObject({ code: '164' });
    await expect(client('wrong').query({ query: 'SELECT 1' })).rejects.toMatchObject({
      code: '516',
    });
    // GET changes nothing, whoever asks.
    const get = await fetch(`${url}/?query=DROP+TABLE+ar&password=${TOKEN}`);
    expect(get.headers.get('x-clickhouse-exception-code')).toBe('164');
    const named = await new Promise<number | undefined>((resolve) => {
      const headers = { host: 'evil.example:80' };
      httpRequest(`${url}/?query=SELECT+1`, { headers }, (r) => resolve(r.statusCode)).end();
    });
    expect(named).toBe(403);
  });

  it('packs both ways when asked to', async () => {
    const body = gzipSync('{"a":7,"b":"packed"}\n');
    const headers = { 'content-encoding': 'gzip', 'x-clickhouse-key': TOKEN };
    const insert = await fetch(`${url}/?query=INSERT+INTO+j+FORMAT+JSONEachRow`, {
      method: 'POST',
      body,
      headers,
    });
    expect(insert.status).toBe(200);
    const sql = encodeURIComponent("SELECT count() FROM j WHERE b = 'packed'");
    const answer = await fetch(`${url}/?enable_http_compression=1&query=${sql}`);
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    expect(await answer.text()).toBe('1\n');
  });

  it('runs statements side by side', async () => {
    const ch = client(TOKEN);
    const order: string[] = [];
    const slow = ch
      .query({ query: 'SELECT sleep(1.5)', format: 'CSV' })
      .then(() => order.push('slow'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    await ch.query({ query: 'SELECT 1', format: 'CSV' }).then(() => order.push('quick'));
    await slow;
    expect(order).toEqual(['quick', 'slow']);
  });
});

describe('an insert whose rows come in the body', () => {
  it.each([
    ['INSERT INTO t FORMAT CSV', "INSERT INTO t FROM INFILE '/f' COMPRESSION 'none' FORMAT CSV"],
    [
      'INSERT INTO t (a, b) SETTINGS max_threads = 1 FORMAT Arrow;',
      "INSERT INTO t (a, b) FROM INFILE '/f' COMPRESSION 'none' SETTINGS max_threads = 1 FORMAT Arrow",
    ],
    ['INSERT INTO t VALUES', "INSERT INTO t FROM INFILE '/f' COMPRESSION 'none' FORMAT Values"],
    [
      "INSERT INTO t SELECT 'input(''x'')', a FROM input('a String') FORMAT TSV",
      "INSERT INTO t SELECT 'input(''x'')', a FROM file('/f', TSV, 'a String')",
    ],
  ])('is taken from a file: %s', (sql, expected) => {
    expect(insertFromFile(sql, '/f')).toBe(expected);
  });
});

describe('the engine interface over HTTP', () => {
  it.each([[true], [false]])('loads a file (opened there: %s), queries and asks', async (opens) => {
    const http = await openServer({ url, password: TOKEN, user: 'vamo', readsFiles: opens });
    const table = `over_http_${String(opens)}`;
    await http.command(`CREATE TABLE ${table} (a Int64, b String) ENGINE = MergeTree ORDER BY a;`);
    const columns = { a: 'int64', b: 'text' } as const;
    const path = join(folder.path, 'rows.arrow');
    await http.load(
      { paths: [path, path], columns },
      (source) => `INSERT INTO ${table} SELECT a, b FROM ${source}`,
    );
    expect(await http.query(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 140000 }]);
    const { data } = await http.ask(`SELECT max(a) AS most FROM ${table}`);
    expect(data).toEqual([{ most: '69999' }]);
    await expect(http.ask(`DROP TABLE ${table}`)).rejects.toMatchObject({ code: 'SQL_FAILED' });
    await expect(http.query('SELECT x')).rejects.toMatchObject({
      code: 'SQL_FAILED',
      details: { code: '47' },
    });
    const missing = { paths: [join(folder.path, 'no.arrow')], columns };
    await expect(
      http.load(missing, (source) => `INSERT INTO ${table} SELECT a, b FROM ${source}`),
    ).rejects.toMatchObject({ code: opens ? 'SQL_FAILED' : 'STORE_IO' });
    await http.close();
    await http.close();
  });

  it('says that nobody answers, and that the password is wrong', async () => {
    await expect(openServer({ url: 'http://127.0.0.1:9' })).rejects.toMatchObject({
      code: 'SQL_UNREACHABLE',
    });
    await expect(openServer({ url, password: 'wrong' })).rejects.toMatchObject({
      code: 'SQL_FAILED',
      message: expect.stringContaining('token') as string,
    });
  });
});

describe('the record of a running front', () => {
  it('is found while its process runs, readable by its owner only', async () => {
    await mkdir(join(folder.path, 'data'));
    const path = join(folder.path, 'data', 'front.json');
    expect(await findFront(path)).toBeUndefined();
    await announceFront(path, { url, token: TOKEN });
    expect(await findFront(path)).toEqual({ url, token: TOKEN });
    const record = JSON.parse(await readFile(path, 'utf8')) as { started: string };
    await writeFile(path, JSON.stringify({ ...record, started: 'another boot/1' }));
    expect(await findFront(path)).toBeUndefined();
    await withdrawFront(path);
    expect(await findFront(path)).toBeUndefined();
  });
});
