import { access, constants, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../../config/index.ts';
import { rulesOf } from '../../contracts/index.ts';
import { VamoError } from '../../core/index.ts';
import { checkRules, openDataDirectory, openStore } from '../../store/index.ts';
import { exists } from '../empty-store.ts';
import { failed, type Finding } from './finding.ts';

/** The demo's window of days with its copies takes about a third of this. */
const LEAST_FREE_BYTES = 1 << 30;

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** Whether the data directory can be written, what format it has, and what room its disk has. */
export async function dataDirectoryFindings(root: string): Promise<readonly Finding[]> {
  const nearest = await nearestExisting(root);
  return [await writable(root, nearest), await room(nearest)];
}

async function writable(root: string, nearest: string): Promise<Finding> {
  const name = 'data directory';
  try {
    await access(nearest, constants.W_OK | constants.X_OK);
  } catch {
    const error = new VamoError('STORE_IO', `${nearest} cannot be written`);
    return failed(name, error);
  }
  const base = { name, state: 'ok', isRequired: true } as const;
  if (nearest !== root) return { ...base, detail: `${root}, not there yet; can be made` };
  try {
    // Opening an empty directory would mark it as data: only look at one that is marked.
    if (await isMarked(root)) await (await openDataDirectory(root)).release();
    return { ...base, detail: `${root}, can be written` };
  } catch (error) {
    return failed(name, error);
  }
}

const isMarked = (root: string): Promise<boolean> => exists(join(root, 'format.json'));

/**
 * Whether what is in a data directory, if there is any, was taken in under this configuration.
 * @throws VamoError DATA_RULES, STORE_CORRUPT, STORE_IO
 */
export async function checkDataRules(root: string, config: Config): Promise<void> {
  if (!(await isMarked(root))) return;
  await checkRules(await openStore(root, config.store), rulesOf(config), config.source);
}

async function room(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const base = { name: 'disk', isRequired: true, detail: `${gibibytes(free)} free` };
  if (free >= LEAST_FREE_BYTES) return { ...base, state: 'ok' };
  return {
    ...base,
    state: 'failed',
    mend: `Free at least ${gibibytes(LEAST_FREE_BYTES)}, or name another directory with --data.`,
  };
}

/** The directory, or the first one above it that exists. */
async function nearestExisting(path: string): Promise<string> {
  return (await exists(path)) || dirname(path) === path ? path : nearestExisting(dirname(path));
}
