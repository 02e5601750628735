import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { isRunning, ownProcess, systemCode, VamoError } from '../../core/index.ts';

const record = z.strictObject({
  url: z.url(),
  token: z.string().min(16),
  pid: z.int(),
  started: z.string(),
  host: z.string(),
});

/** Where the front of a data directory listens, and the token that lets change things. */
export interface FrontAddress {
  readonly url: string;
  readonly token: string;
}

/** Tells other processes of this machine where the front is; only the owner can read it. */
export async function announceFront(path: string, address: FrontAddress): Promise<void> {
  const owner = ownProcess();
  const temporary = `${path}.${owner.pid}`;
  const text = `${JSON.stringify({ ...address, ...owner })}\n`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}

export async function withdrawFront(path: string): Promise<void> {
  await rm(path, { force: true });
}

/**
 * The front that runs now; undefined when none does: a process that was killed left its record, one
 * on another machine cannot be reached by a loopback address.
 * @throws VamoError STORE_IO when the record cannot be read
 */
export async function findFront(path: string): Promise<FrontAddress | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw new VamoError('STORE_IO', `cannot read ${path}`, { cause });
  }
  try {
    const { url, token, ...owner } = record.parse(JSON.parse(text));
    return owner.host === ownProcess().host && isRunning(owner) ? { url, token } : undefined;
  } catch {
    return undefined;
  }
}
