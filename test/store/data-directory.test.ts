import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRunning, ownProcess } from '../../src/core/index.ts';
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
    const stillRuns = (holder: { started: string }) => holder.started !== dead.started;
    const tries = await Promise.allSettled(
      Array.from({ length: 12 }, () => takeLock(store, 'seal', self, stillRuns)),
    );
    expect(tries.filter((t) => t.status === 'fulfilled')).toHaveLength(1);
    for (const t of tries)
      if (t.status === 'rejected') expect(t.reason).toMatchObject({ code: 'DATA_LOCKED' });
  });

  it('knows a reused process id for another process', async () => {
    const store = await openDirectoryStore(root);
    const self = ownProcess();
    expect(isRunning(self)).toBe(true);
    const earlier = { ...self, started: `${self.started}0` };
    expect(isRunning(earlier)).toBe(self.started === '');
    await takeLock(store, 'seal', self, isRunning);
    await expect(takeLock(store, 'seal', self, isRunning)).rejects.toMatchObject({
      code: 'DATA_LOCKED',
    });
  });

  it('takes over from a holder on another host that shows no sign of life, not from one that does', async () => {
    const store = await openDirectoryStore(root);
    const self = ownProcess();
    const elsewhere = { ...self, host: 'replaced-container' };
    const times = { beatMs: 20, silentMs: 200 };
    const release = await takeLock(store, 'seal', elsewhere, () => true, times);
    const take = () => takeLock(store, 'seal', self, () => true, times);
    await expect(take()).rejects.toMatchObject({ details: { host: elsewhere.host } });
    await release();
    await takeLock(store, 'seal', elsewhere, () => true, { beatMs: 60_000, silentMs: 200 });
    await (
      await take()
    )();
  });

  it.runIf(process.platform === 'linux')('counts a process not yet reaped as ended', () => {
    const { pid = 0 } = spawn('true');
    const fields = (): string[] => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    };
    // Its end is noticed by the event loop, which does not turn in here.
    const pause = new Int32Array(new SharedArrayBuffer(4));
    for (let i = 0; i < 500 && fields()[0] !== 'Z'; i++) Atomics.wait(pause, 0, 0, 20);
    expect(fields()[0]).toBe('Z');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    expect(isRunning({ ...ownProcess(), pid, started: `${boot}/${fields()[19]}` })).toBe(false);
  });
});
