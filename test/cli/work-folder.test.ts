import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openWorkFolder } from '../../src/cli/backfill/work-folder.ts';

let parent: string;
beforeEach(async () => {
  parent = join(await mkdtemp(join(tmpdir(), 'vamo-work-')), 'backfill');
});
afterEach(() => rm(join(parent, '..'), { recursive: true }));

it('removes what killed processes of this host left, and nothing of others', async () => {
  const first = await openWorkFolder(parent);
  const own = first.path.slice(parent.length + 1);
  const killed = own.replace(/^\d+_[^_]*/, '999999_boot~5');
  const elsewhere = '999999_boot~5_another-host_0123abcd';
  for (const name of [killed, elsewhere, 'of-somebody']) await mkdir(join(parent, name));
  const second = await openWorkFolder(parent);
  expect(second.path).not.toBe(first.path);
  const left = [own, second.path.slice(parent.length + 1), elsewhere, 'of-somebody'];
  expect((await readdir(parent)).sort()).toEqual(left.sort());
  await first.remove();
  await second.remove();
  expect((await readdir(parent)).sort()).toEqual([elsewhere, 'of-somebody']);
});

it('leaves nothing when nobody else works there', async () => {
  await (await openWorkFolder(parent)).remove();
  expect(await readdir(join(parent, '..'))).toEqual([]);
});
