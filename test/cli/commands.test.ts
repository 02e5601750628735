import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vamo } from '../helpers/cli.ts';

const COMMANDS = [
  'demo',
  'simulate',
  'ingest',
  'seal',
  'days',
  'train',
  'evaluate',
  'publish',
  'versions',
  'rollback',
  'fleet',
  'bidder',
  'doctor',
];

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vamo-cli-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('vamo', () => {
  it('lists every command', async () => {
    const { code, stdout } = await vamo('--help');
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toContain(`\n  ${command} `);
  });

  it.concurrent.each(COMMANDS)(
    '%s --help shows an example and the common options',
    async (command) => {
      const { code, stdout } = await vamo(command, '--help');
      expect(code).toBe(0);
      expect(stdout).toContain(`$ vamo ${command}`);
      for (const option of ['--data', '--config', '--json']) expect(stdout).toContain(option);
    },
  );

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
    expect(stderr).toMatch(/training\.batch: -3; .*>=1/);
    expect(stderr).toContain('training.bacth: no such key');
    expect((JSON.parse(stdout) as { error: { code: string } }).error.code).toBe('CONFIG_INVALID');
    await expect(readdir(join(dir, 'typo'))).rejects.toThrow('ENOENT');
  });

  it.concurrent.each([
    ['days', '--no-such-option'],
    ['trian'],
    ['simulate', '--days', '0'],
    ['rollback'],
    ['bidder', '--port', '7400'],
    ['publish', '--override'],
    ['seal', '--at-end'],
  ])('says bad usage as one JSON object with --json: %s %s', async (...args) => {
    const data = join(dir, 'usage');
    const { code, stdout, stderr } = await vamo(...args, '--json', '--data', data);
    expect(code).toBe(2);
    expect((JSON.parse(stdout) as { error: { code: string } }).error.code).toBe('USAGE');
    expect(stderr).not.toBe('');
  });

  it('prints one JSON object on stdout with --json', async () => {
    const { code, stdout } = await vamo('days', '--json', '--data', join(dir, 'empty'));
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ days: [] });
  });

  it('says what is missing when nothing is there yet', async () => {
    const data = join(dir, 'empty');
    const seal = await vamo('seal', '--day', '2026-01-05', '--at-end', '--data', data);
    expect([seal.code, seal.stderr]).toEqual([1, expect.stringContaining('DAY_MISSING')]);
    const train = await vamo('train', '--data', data);
    expect([train.code, train.stderr]).toEqual([1, expect.stringContaining('WINDOW_INCOMPLETE')]);
    const back = await vamo('rollback', '--reason', 'x', '--data', data);
    expect([back.code, back.stderr]).toEqual([1, expect.stringContaining('VERSION_UNKNOWN')]);
    const sql = await vamo('days', '--sql', 'SELECT nonsense', '--data', data);
    expect([sql.code, sql.stderr]).toEqual([1, expect.stringContaining('DAY_UNSEALED')]);
  });
});
