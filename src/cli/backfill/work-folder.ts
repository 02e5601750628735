import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning, ownProcess } from '../../core/index.ts';

/** A folder of this process alone: another with the same plan neither reads nor removes what is in it. */
export interface WorkFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** `PID_STARTED_HOST_ANY`: whoever comes later sees whether that process still runs. */
const NAME = /^(\d+)_([^_]*)_(.+)_[0-9a-f]{8}$/;

/** Makes a folder, and removes those that processes of this host left which were killed. */
export async function openWorkFolder(parent: string): Promise<WorkFolder> {
  const { pid, started, host } = ownProcess();
  for (const name of await readdir(parent).catch(() => [])) {
    const [, owner, since = '', on] = NAME.exec(name) ?? [];
    if (owner === undefined || on !== host) continue;
    if (isRunning({ pid: Number(owner), started: since.replace('~', '/'), host })) continue;
    await rm(join(parent, name), { recursive: true, force: true });
  }
  const any = randomUUID().slice(0, 8);
  const path = join(parent, `${String(pid)}_${started.replace('/', '~')}_${host}_${any}`);
  await mkdir(path, { recursive: true });
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true });
      await rmdir(parent).catch(() => undefined);
    },
  };
}
