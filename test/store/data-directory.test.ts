import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownProcess } from '../../src/core/index.ts';
import { openDataDirectory, openDirectoryStore } from '../../src/store/index.ts';
import { takeLock } from '../../src/store/lock.ts';

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'vamo-data-'))));
afterEach(() => rm(root, { recursive: true }));

describe('data directory', () => {
  it('is founded on first use and opened again', async () => {
    await (await openDataDirectory(root, { role: 'seal' })).release();
    const again = await openDataDirectory(root, { role: 'seal' });
    expect(await again.store.list('locks/seal')).toHaveLength(1);
    await again.release();
  });

  it.each([
    ['a newer version', '{"format":"vamo-data","version":99}'],
    ['no JSON', '{"format":'],
    ['something else', '{"hello":1}'],
  ])('refuses a format file of %s', async (_, text) => {
    await writeFile(join(root, 'format.json'), text);
    await expect(openDataDirectory(root)).rejects.toMatchObject({ code: 'DATA_FORMAT' });
  });

  it('refuses data without a format file', async () => {
    await (await openDirectoryStore(root)).put('ledger/t/0/1.json', Buffer.from('{}'));
    await expect(openDataDirectory(root)).rejects.toMatchObject({ code: 'DATA_FORMAT' });
  });

  it('gives a role to one holder at a time and names the holder', async () => {
    const first = await openDataDirectory(root, { role: 'seal' });
    await expect(openDataDirectory(root, { role: 'seal' })).rejects.toMatchObject({
      code: 'DATA_LOCKED',
      message: expect.stringMatching(new RegExp(`${process.pid}.*"seal"`)) as string,
    });
    const other = await openDataDirectory(root, { role: 'publish' });
    await first.release();
    await first.release();
    await (await openDataDirectory(root, { role: 'seal' })).release();
    await other.release();
  });

  it('takes over from a holder that was killed, not from one that lives', async () => {
    const child = join(root, 'holder.mts');
    const face = JSON.stringify(join(process.cwd(), 'src/store/index.ts'));
    await writeFile(
      child,
      `import { openDataDirectory } from ${face};
       await openDataDirectory(${JSON.stringify(root)}, { role: 'seal' });
       process.send('held'); setInterval(() => undefined, 1000);`,
    );
    const holder = fork(child, { execArgv: ['--import', 'tsx'] });
    await once(holder, 'message');
    const take = () => openDataDirectory(root, { role: 'seal' });
    await expect(take()).rejects.toMatchObject({
      code: 'DATA_LOCKED',
      details: { pid: holder.pid, role: 'seal' },
    });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await (await take()).release();
  }, 30_000);

  it('lets one of many in when the holder is dead', async () => {
    const store = await openDirectoryStore(root);
    const self = ownProcess();
    const dead = { ...self, pid: self.pid, started: 'an earlier process of this id' };
    await takeLock(store, 'seal', dead, () => true);
    const isRunning = (holder: { started: string }) => holder.started !== dead.started;
    const tries = await Promise.allSettled(
      Array.from({ length: 12 }, () => takeLock(store, 'seal', self, isRunning)),
    );
    expect(tries.filter((t) => t.status === 'fulfilled')).toHaveLength(1);
    for (const t of tries)
      if (t.status === 'rejected') expect(t.reason).toMatchObject({ code: 'DATA_LOCKED' });
  });

  it('knows a reused process id for another process', async () => {
    const store = await openDirectoryStore(root);
    const { isRunning } = await import('../../src/core/index.ts');
    const self = ownProcess();
    expect(isRunning(self)).toBe(true);
    const earlier = { ...self, started: `${self.started}0` };
    expect(isRunning(earlier)).toBe(self.started === '');
    await takeLock(store, 'seal', self, isRunning);
    await expect(takeLock(store, 'seal', self, isRunning)).rejects.toMatchObject({
      code: 'DATA_LOCKED',
    });
  });
});
