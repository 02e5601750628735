import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, openEmbedded, TABLES } from '../../src/clickhouse/index.ts';
import { temporaryFolder } from '../helpers/days-fixture.ts';

const FILES = ['schema', 'load-day', 'publish-day', 'features'] as const;

/** The statements of a file, without its comments. */
async function statementsOf(name: (typeof FILES)[number]): Promise<string[]> {
  const path = new URL(`../../deploy/clickhouse/${name}.sql`, import.meta.url);
  const text = (await readFile(path, 'utf8')).replace(/^--.*$/gm, '');
  return text
    .split(/;\s*$/m)
    .map((sql) => sql.trim())
    .filter((sql) => sql !== '');
}

/** A value for every parameter that a statement names. */
const bound = (sql: string): string =>
  sql.replaceAll(/\{(\w+):(Date|Int64|UInt32|String)\}/g, (_, name: string, type: string) => {
    if (type === 'Date') return "toDate('2026-01-05')";
    return type === 'String' ? `'${name}'` : '1';
  });

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let engine: Engine;
beforeAll(async () => {
  folder = await temporaryFolder();
  engine = await openEmbedded(folder.path);
});
afterAll(async () => {
  await engine.close();
  await folder.remove();
});

describe('the SQL of a cluster', () => {
  it.each(FILES)('is parsed by the engine, statement by statement: %s', async (name) => {
    const statements = await statementsOf(name);
    expect(statements.length).toBeGreaterThan(0);
    for (const sql of statements) await engine.query(`EXPLAIN AST ${bound(sql)}`);
    // The engine refuses what it cannot parse, so that the line above can fail.
    const broken = bound(statements[0] ?? '').replace(/[A-Z]+ /, 'X X ');
    await expect(engine.query(`EXPLAIN AST ${broken}`)).rejects.toMatchObject({
      code: 'SQL_FAILED',
    });
  });

  it('runs on one node, without its cluster: a day is loaded, compared, published and asked', async () => {
    // Replicas, remote tables and s3 are not to be had here: plain tables and files in their place.
    const onOne = (sql: string): string =>
      bound(sql)
        .replaceAll(/ ON CLUSTER '\{cluster\}'/g, '')
        .replaceAll(/Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, (\w+))?\)/g, '$1($2)')
        .replaceAll(
          /Distributed\('\{cluster\}', vamo, (\w+)[^;]*$/gm,
          (_, t: string) => `Merge('vamo', '^${t}')`,
        )
        .replaceAll('_shard_num', '1')
        .replaceAll(/insert_quorum = 'auto', insert_quorum_parallel = 0/g, 'max_threads = 1')
        .replaceAll('% 1 = 1', '% 1 = 0')
        .replaceAll(/s3\('url_(\w+)'/g, `file('${folder.path}/$1.arrow'`);
    for (const sql of await statementsOf('schema')) await engine.command(onOne(sql));
    for (const [table, { columns }] of Object.entries(TABLES)) {
      const meta = await engine.query<{ name: string; type: string }>(
        `SELECT name, type FROM system.columns WHERE database = 'vamo' AND table = '${table}_local'
         AND name NOT IN ('day', 'generation') ORDER BY position`,
      );
      const types = { text: 'String', int64: 'Int64' };
      expect(meta).toEqual(
        Object.entries(columns).map(([name, kind]) => ({ name, type: types[kind] })),
      );
      const values = Object.entries(columns).map(([name, kind]) =>
        kind === 'text' ? `toString(number % 7) AS ${name}` : `toInt64(number) AS ${name}`,
      );
      await engine.command(
        `INSERT INTO FUNCTION file('${folder.path}/${table}.arrow', Arrow) SELECT ${values.join(', ')} FROM numbers(90)`,
      );
    }
    // A shard may get no rows of a day.
    for (const sql of await statementsOf('load-day'))
      await engine.command(onOne(sql).replaceAll('% 1 = 0', '% 1 = 1'));
    for (const _ of [1, 2])
      for (const sql of await statementsOf('load-day')) await engine.command(onOne(sql));
    expect(await engine.query('SELECT count() AS n FROM vamo.events')).toEqual([{ n: 0 }]);

    const [compare = '', publish = '', ...retire] = await statementsOf('publish-day');
    const found = await engine.query<{ tab: string; rows: number; hash: number }>(onOne(compare));
    expect(found.map(({ tab, rows }) => [tab, rows])).toEqual([
      ['events', 90],
      ['events', 90],
      ['steps', 90],
      ['steps', 90],
    ]);
    expect(found[0]?.hash).toBe(found[1]?.hash);
    expect(found[2]?.hash).toBe(found[3]?.hash);
    await engine.command(onOne(publish));
    expect(await engine.query('SELECT count() AS n FROM vamo.events')).toEqual([{ n: 90 }]);
    for (const sql of retire) await engine.command(onOne(sql));
    const [features = ''] = await statementsOf('features');
    const rows = await engine.query<{ outcomes: number }>(onOne(features));
    expect(rows.reduce((sum, { outcomes }) => sum + outcomes, 0)).toBe((89 * 90) / 2);
  });
});
