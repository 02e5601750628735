import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliResult, finished, startVamo, vamo } from '../helpers/cli.ts';

const COMMANDS = [
  'demo',
  'simulate',
  'ingest',
  'seal',
  'days',
  'clickhouse',
  'train',
  'methods',
  'evaluate',
  'publish',
  'versions',
  'rollback',
  'fleet',
  'bidder',
  'doctor',
];

const NO_VERSIONS = { champion: null, versions: [] };

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vamo-cli-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A configuration of few auctions, some of them late, committed as soon as they are read. */
async function tinyDay(): Promise<string> {
  const file = join(dir, 'tiny.json');
  const config = {
    simulator: { auctionsPerDay: 96, faults: { lateShare: 0.3, lateMaxMs: 2_400_000 } },
    days: { latenessMs: 600_000 },
    ingest: { flushRows: 200 },
  };
  await writeFile(file, JSON.stringify(config));
  return file;
}

/** A process's exit code once it was sent a signal, after the condition held. */
async function stopped(args: readonly string[], ready: () => Promise<boolean>): Promise<CliResult> {
  const child = startVamo(args);
  const result = finished(child);
  while (child.exitCode === null && !(await ready()))
    await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  return result;
}

describe('vamo', () => {
  it('lists every command', async () => {
    const { code, stdout } = await vamo('--help');
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toContain(`\n  ${command} `);
  });

  it('shows the help of a command, with an example', async () => {
    const { code, stdout } = await vamo('rollback', '--help');
    expect([code, stdout]).toEqual([0, expect.stringContaining('$ vamo rollback')]);
  });

  it('exits 2 for an unknown command, an unknown option and a bad value', async () => {
    expect((await vamo('trian')).code).toBe(2);
    expect((await vamo('days', '--dta', dir)).code).toBe(2);
    const bad = await vamo('simulate', '--days', 'three', '--data', dir);
    expect(bad.code).toBe(2);
    expect(bad.stderr).toContain('three');
    const day = await vamo('seal', '--day', '2026-02-30', '--data', dir);
    expect(day.code).toBe(2);
    expect(day.stderr).toContain('2026-02-30');
  });

  it('takes one file for each --config, and what stands behind it as it is', async () => {
    const files = ['{"training": {"batch": 9}}', '{"training": {"batch": -4}}'];
    const paths = files.map((_, i) => join(dir, `layer-${String(i)}.json`));
    for (const [i, text] of files.entries()) await writeFile(paths[i]!, text);
    const layers = paths.flatMap((path) => ['--config', path]);
    const both = await vamo('days', '--data', join(dir, 'layers'), ...layers, '2026-01-05');
    expect(both.stderr).toContain('training.batch: -4; must be at least 1');
    const one = await vamo(
      'days',
      '--data',
      join(dir, 'layers'),
      ...layers.slice(0, 2),
      '2026-01-05',
    );
    expect(one.stderr).toContain('DATA_EMPTY');
  });

  it('names the key, the value and what is allowed for a configuration typo', async () => {
    const file = join(dir, 'typo.json');
    await writeFile(file, '{"training": {"batch": -3, "bacth": 4}}');
    const { code, stdout, stderr } = await vamo(
      'days',
      '--json',
      '--data',
      join(dir, 'typo'),
      '--config',
      file,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('training.batch: -3; must be at least 1');
    expect(stderr).toContain('training.bacth: no such key');
    expect((JSON.parse(stdout) as { error: { code: string } }).error.code).toBe('CONFIG_INVALID');
    await expect(readdir(join(dir, 'typo'))).rejects.toThrow('ENOENT');
  });

  it.concurrent.each([
    ['days', '--no-such-option'],
    ['trian'],
    ['simulate', '--days', '0'],
    ['rollback'],
    ['--json', 'days', '--no-such-option'],
    ['bidder', '--port', '7400'],
    ['publish', '--override'],
    ['seal', '--at-end'],
    ['rebuild'],
    ['days', '2026-01-05', '--sql', 'SELECT 1'],
  ])('says bad usage as one JSON object with --json: %s %s', async (...args) => {
    const data = join(dir, 'usage');
    const { code, stdout, stderr } = await vamo(...args, '--json', '--data', data);
    expect(code).toBe(2);
    expect((JSON.parse(stdout) as { error: { code: string } }).error.code).toBe('USAGE');
    expect(stderr).not.toBe('');
  });

  it('prints one JSON object on stdout with --json', async () => {
    const { code, stdout } = await vamo('versions', '--json', '--data', join(dir, 'empty'));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject(NO_VERSIONS);
  });

  it('takes the common options before the command, and says help and version as text', async () => {
    const before = await vamo('--json', '--data', join(dir, 'none'), 'versions');
    expect(before.code).toBe(0);
    expect(JSON.parse(before.stdout)).toMatchObject(NO_VERSIONS);
    const help = await vamo('--json', 'help', 'days');
    expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('$ vamo days')]);
    const nothing = await vamo('--json');
    expect(nothing.code).toBe(2);
    expect(JSON.parse(nothing.stdout)).toMatchObject({ error: { code: 'USAGE' } });
  });

  it('ends ingest --follow well when it is stopped: that is its normal end', async () => {
    const data = join(dir, 'follow');
    await vamo('simulate', '--data', data, '--config', await tinyDay());
    const committed = () =>
      readdir(join(data, 'ledger'), { recursive: true }).then(
        (names) => names.some((name) => name.endsWith('.json')),
        () => false,
      );
    const { code, stdout, stderr } = await stopped(
      ['ingest', '--follow', '--json', '--data', data, '--config', join(dir, 'tiny.json')],
      committed,
    );
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { records: number }).records).toBeGreaterThan(0);
    const log = join(data, 'log');
    expect(stderr).toContain(
      `following log auction-events (4 partitions) in ${log} into ${data}; Ctrl-C stops it\n`,
    );
  });

  it('tells on stderr what happens to a followed ingest beside its live view', async () => {
    const data = join(dir, 'watched');
    await vamo('simulate', '--data', data, '--config', await tinyDay());
    const committed = () =>
      readdir(join(data, 'ledger')).then(
        () => true,
        () => false,
      );
    const { code, stderr } = await stopped(
      ['ingest', '--follow', '--watch', '--data', data, '--config', join(dir, 'tiny.json')],
      committed,
    );
    const events = stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => (JSON.parse(line) as { event: string }).event);
    expect([code, events]).toEqual([0, ['ingest.assigned', 'ingest.end']]);
  });

  it('says what is missing when nothing is there yet', async () => {
    const data = join(dir, 'empty');
    const back = await vamo('rollback', '--reason', 'x', '--data', data);
    expect([back.code, back.stderr]).toEqual([1, expect.stringContaining('VERSION_UNKNOWN')]);
    const sql = await vamo('days', '--sql', 'SELECT nonsense', '--data', data);
    expect([sql.code, sql.stderr]).toEqual([
      1,
      expect.stringMatching(/^DAY_UNSEALED: .*\n.*`vamo clickhouse load` fills `events_now`/m),
    ]);
  });

  it.concurrent.each([
    ['source.files', { kind: 'files', files: 'nowhere/*.txt', mapping: 'ipinyou' }],
    ['source.mapping', { kind: 'files', files: import.meta.filename, mapping: 'nosuch' }],
    ['source.directory', { kind: 'file' }],
  ])('makes no data directory of an ingest that finds no source: %s', async (name, source) => {
    const data = join(dir, `unfounded-${name}`);
    const config = join(dir, `${name}.json`);
    await writeFile(config, JSON.stringify({ source }));
    const { code, stderr } = await vamo('ingest', '--data', data, '--config', config);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/INGEST_SOURCE|MAPPING_INVALID/)]);
    const range = ['--from', '2026-01-05', '--to', '2026-01-05'];
    const back = await vamo('backfill', ...range, '--files', 'nowhere/*.jsonl', '--data', data);
    expect([back.code, back.stderr]).toEqual([1, expect.stringContaining('INGEST_SOURCE')]);
    await expect(readdir(data)).rejects.toThrow('ENOENT');
  });

  it('says of a day that never was that it is missing, of an open one that it is open', async () => {
    const data = join(dir, 'one-day');
    const config = await tinyDay();
    for (const command of ['simulate', 'ingest'])
      expect((await vamo(command, '--data', data, '--config', config)).code).toBe(0);
    for (const [day, codes] of [
      ['2026-01-20', ['DAY_MISSING', 'DAY_MISSING', 'DAY_MISSING', 'DAY_MISSING', 'DAY_MISSING']],
      ['2026-01-05', ['DAY_UNSEALED', 'DAY_UNSEALED', 'DAY_UNSEALED', 'DAY_NOT_READY', '']],
    ] as const) {
      const found = [];
      for (const args of [
        ['amend', day],
        ['verify', day],
        ['rebuild', '--day', day],
        ['seal', '--day', day],
        ['days', day],
      ])
        found.push((await vamo(...args, '--data', data)).stderr.split(':')[0]);
      expect(found).toEqual(codes);
    }
  });

  it('says of an amended day that it is not the one of the truth', async () => {
    const data = join(dir, 'one-day');
    const day = '2026-01-05';
    const truth = ['verify', '--truth', join(data, 'truth'), '--data', data];
    const does = async (...args: string[]) => {
      const { code, stdout, stderr } = await vamo(...args, '--data', data);
      expect(code, stderr).toBe(0);
      return stdout;
    };
    await does('seal', '--day', day, '--at-end');
    expect(await does(...truth)).toMatch(/^2026-01-05 g1 ok: /);
    expect(await does('amend', day)).toContain('generation 2');
    const { code, stdout } = await vamo(...truth);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^2026-01-05 g2 \(amend\) DIFFERS: /);
    expect(stdout).toMatch(/^ {2}\d+ more sums differ$/m);
    expect(stdout).toContain('2026-01-05 is generation 2 (amend): the truth is of');
  });

  it.concurrent.each([
    ['seal'],
    ['seal', '--day', '2026-01-05', '--at-end'],
    ['prune'],
    ['rebuild', '--all'],
    ['clickhouse', 'load'],
    ['train'],
    ['amend', '2026-01-05'],
    ['verify'],
    ['days'],
    ['days', '2026-01-05'],
  ])(
    'refuses a directory into which nothing was ingested, and makes none: %s %s',
    async (...args) => {
      const data = join(dir, 'mistyped', args.join('-'));
      const { code, stdout, stderr } = await vamo(...args, '--json', '--data', data);
      expect([code, stderr]).toEqual([
        1,
        expect.stringMatching(`^DATA_EMPTY: nothing was ever ingested into ${data}\n.*--data`),
      ]);
      expect(JSON.parse(stdout)).toMatchObject({
        error: { code: 'DATA_EMPTY', details: { data } },
      });
      await expect(readdir(data)).rejects.toThrow('ENOENT');
    },
  );

  it('lists weighting methods with source, needs and cost, and marks the configured one', async () => {
    const data = join(dir, 'methods');
    const text = await vamo('methods', '--data', data);
    expect(text.code).toBe(0);
    expect(text.stdout).toMatch(/^\* +vamo +gram, validation +\S.*Algorithm 1$/m);
    const { code, stdout } = await vamo('methods', '--json', '--data', data);
    expect(code).toBe(0);
    const { methods } = JSON.parse(stdout) as { methods: Record<string, unknown>[] };
    for (const method of methods)
      expect(Object.keys(method)).toEqual([
        ...['name', 'summary', 'source', 'needs', 'cost', 'configured'],
      ]);
    expect(methods.map((m) => m['name'])).toContain('famo');
    expect(methods.find((m) => m['name'] === 'famo')!['needs']).toEqual(['losses', 'newLosses']);
    expect(methods.filter((m) => m['configured']).map((m) => m['name'])).toEqual(['vamo']);
  });

  it.each([
    ['nowhere.mjs', /nowhere\.mjs: cannot be read.*\n {2}Correct the path/],
    ['method.txt', /method\.txt: does not load.*\n {2}Write it as \.js or \.mjs/],
  ])('says which key names a method file that is none: %s', async (name, told) => {
    await writeFile(join(dir, 'method.txt'), 'export const method = {};');
    const file = join(dir, 'method.json');
    await writeFile(file, `{"training": {"method": "mine", "methodFile": "./${name}"}}`);
    const data = join(dir, 'methods');
    const { code, stderr } = await vamo('methods', '--config', file, '--data', data);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^CONFIG_INVALID: training\.methodFile: /m);
    expect(stderr).toMatch(told);
  });

  it('lists no methods, and finds no configuration right, that training would refuse', async () => {
    const file = join(dir, 'unfit.json');
    await writeFile(file, '{"training": {"method": "mgda", "gains": "difference"}}');
    const args = ['--config', file, '--data', join(dir, 'methods')];
    const told = 'training.gains: difference: mgda needs gram';
    const [methods, doctor] = [await vamo('methods', ...args), await vamo('doctor', ...args)];
    expect([methods.code, doctor.code]).toEqual([1, 1]);
    expect(methods.stderr).toContain(told);
    expect(doctor.stdout).toMatch(new RegExp(`^FAILED +configuration +${told}`, 'm'));
  });

  it('takes method options as a JSON object only', async () => {
    const data = join(dir, 'methods');
    const bad = await vamo('train', '--method-options', '[1]', '--data', data);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringContaining('Write a JSON object')]);
    const filled = join(dir, 'filled');
    await mkdir(join(filled, 'ledger/auction-events'), { recursive: true });
    const unknown = await vamo('train', '--method', 'mgdaa', '--data', filled);
    expect([unknown.code, unknown.stderr]).toEqual([
      2,
      expect.stringMatching(/^USAGE: --method: "mgdaa" \(did you mean "mgda"/),
    ]);
  });
});
