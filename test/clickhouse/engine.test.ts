import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askReadOnly, openEmbedded } from '../../src/clickhouse/index.ts';
import { temporaryFolder } from '../helpers/days-fixture.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => void (folder = await temporaryFolder()));
afterAll(() => folder.remove());

const FACE = new URL('../../src/clickhouse/index.ts', import.meta.url).href;

/** Runs a script against the engine in a process of its own; `ready` once it prints that word. */
async function engineProcess(name: string, body: string) {
  const script = join(folder.path, `${name}.mts`);
  await writeFile(script, `import { openEmbedded } from '${FACE}';\n${body}`);
  const child = spawn(process.execPath, ['--import', 'tsx', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exit = once(child, 'exit');
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (data: Buffer) => data.toString().includes('ready') && resolve());
  });
  return { child, ready, exit };
}

describe('the embedded engine', () => {
  it('keeps what was written and answers with plain rows', async () => {
    const path = join(folder.path, 'keep');
    const first = await openEmbedded(path);
    await first.command('CREATE TABLE t (a Int64, b String) ENGINE = MergeTree ORDER BY a');
    await first.command("INSERT INTO t VALUES (1, 'x'), (9007199254740991, 'it''s');");
    await first.close();
    await first.close();
    const second = await openEmbedded(path);
    expect(await second.query('SELECT * FROM t ORDER BY a; ')).toEqual([
      { a: 1, b: 'x' },
      { a: Number.MAX_SAFE_INTEGER, b: "it's" },
    ]);
    await second.close();
  });

  it('answers wrong SQL with the engine’s own first line, and goes on', async () => {
    const engine = await openEmbedded(join(folder.path, 'wrong'));
    await expect(engine.query('SELECT nocolumn FROM numbers(1)')).rejects.toMatchObject({
      code: 'SQL_FAILED',
      message: expect.stringMatching(/nocolumn/) as string,
      details: { code: '47' },
    });
    await expect(engine.command('CREATE TABEL t')).rejects.toMatchObject({ code: 'SQL_FAILED' });
    expect(await engine.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await engine.close();
  });

  it('belongs to one process; another is told so, and may have it once the first is killed', async () => {
    const path = join(folder.path, 'owned');
    const owner = await engineProcess(
      'owner',
      `await openEmbedded(${JSON.stringify(path)}); console.log('ready'); setInterval(() => {}, 1000);`,
    );
    await owner.ready;
    await expect(openEmbedded(path)).rejects.toMatchObject({
      code: 'DATA_LOCKED',
      details: { pid: owner.child.pid },
    });
    owner.child.kill('SIGKILL');
    await owner.exit;
    const engine = await openEmbedded(path);
    await engine.close();
  });

  it('says which folder it cannot use', async () => {
    const open = await openEmbedded(join(folder.path, 'one'));
    await expect(openEmbedded(join(folder.path, 'two'))).rejects.toMatchObject({
      code: 'DATA_LOCKED',
      mend: expect.stringContaining('Close the engine') as string,
    });
    await open.close();
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    await expect(openEmbedded(file)).rejects.toMatchObject({ code: 'STORE_IO' });
  });

  it('leaves Ctrl-C to the process, and lets it end once closed', async () => {
    const path = JSON.stringify(join(folder.path, 'signals'));
    const interrupted = await engineProcess(
      'interrupted',
      `const engine = await openEmbedded(${path});
      process.once('SIGINT', () => void engine.close().then(() => { process.exitCode = 42; clearInterval(timer); }));
      const timer = setInterval(() => {}, 1000);
      console.log('ready');`,
    );
    await interrupted.ready;
    interrupted.child.kill('SIGINT');
    expect((await interrupted.exit)[0]).toBe(42);

    const plain = await engineProcess(
      'plain',
      `await openEmbedded(${path}); console.log('ready'); setInterval(() => {}, 1000);`,
    );
    await plain.ready;
    plain.child.kill('SIGINT');
    expect(await plain.exit).toEqual([null, 'SIGINT']);
  });
});

describe('a read-only question', () => {
  it('is answered with whole numbers to the last digit', async () => {
    const engine = await openEmbedded(join(folder.path, 'asked'));
    const sql = "SELECT 18446744073709551615 AS most, toInt64(-7) AS few, ';' AS text -- a; b";
    expect(await askReadOnly(engine, sql)).toEqual([
      { most: '18446744073709551615', few: -7, text: ';' },
    ]);
    await engine.close();
  });

  it.each([
    ['DROP TABLE t', 'not a SELECT: DROP TABLE t'],
    ['SELEC', 'not a SELECT: SELEC'],
    [' ', 'not a SELECT: nothing is asked'],
    ["INSERT INTO FUNCTION file('x.csv', 'CSV') SELECT 1", 'not a SELECT'],
    ["SELECT * FROM file('x.csv', 'CSV')", 'readonly'],
    ["SELECT file('t.txt')", 'readonly'],
    ['SELECT `f\\x69le`(1)', 'readonly'],
    ["SELECT 7 INTO OUTFILE 'x.csv'", 'readonly'],
    ['KILL QUERY WHERE 1', 'not a SELECT'],
    ["SELECT $$'$$, 1; DROP TABLE t; SELECT $$'$$", 'readonly'],
    ["SELECT 1 /* /* */ ' */ ; DROP TABLE t --'", 'readonly'],
    ["SELECT 1 # '\n; DROP TABLE t --'", 'readonly'],
    ['SELECT 1; DROP TABLE t', 'more than one statement'],
    ["SELECT '\\'; DROP TABLE t; --'", 'readonly'],
  ])('changes nothing: %s', async (sql, reason) => {
    const engine = await openEmbedded(join(folder.path, 'guarded'));
    await engine.command('CREATE TABLE IF NOT EXISTS t (a Int64) ENGINE = MergeTree ORDER BY a');
    const answer = askReadOnly(engine, sql);
    if (sql.startsWith("SELECT '")) await answer;
    else
      await expect(answer).rejects.toMatchObject({
        code: 'SQL_FAILED',
        message: expect.stringContaining(reason) as string,
      });
    await engine.close();
    const again = await openEmbedded(join(folder.path, 'guarded'));
    expect(await again.query('SELECT count() AS n FROM t')).toEqual([{ n: 0 }]);
    await again.close();
  });
});
