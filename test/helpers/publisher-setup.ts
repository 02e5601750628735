import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GateDecision } from '../../src/contracts/index.ts';
import {
  ensureKeys,
  openRegistry,
  openReleases,
  type Registry,
  type Releases,
  type SigningKeys,
} from '../../src/publisher/index.ts';
import { type ObjectStore, openDirectoryStore } from '../../src/store/index.ts';

export const CHANNEL = 'production';
export const PASS: GateDecision = { outcome: 'pass', reasons: [], tasks: {}, overridden: null };
export const BY = { actor: 'test', reason: 'because' } as const;

export interface Setup {
  readonly dir: string;
  readonly store: ObjectStore;
  readonly keys: SigningKeys;
  readonly registry: Registry;
  readonly releases: Releases;
}

/** A data directory with keys, registry and channel of its own; `after` takes what removes it. */
export async function setUp(after: (clean: () => Promise<void>) => void): Promise<Setup> {
  const dir = await mkdtemp(join(tmpdir(), 'vamo-publisher-'));
  after(() => rm(dir, { recursive: true, force: true }));
  return openIn(dir);
}

export async function openIn(dir: string): Promise<Setup> {
  const store = await openDirectoryStore(join(dir, 'data'));
  const keys = await ensureKeys(join(dir, 'keys'));
  const releases = openReleases(store, keys, { channel: CHANNEL, now: () => 1_000 });
  return { dir, store, keys, registry: openRegistry(store), releases };
}

/** Flips one bit of a stored object, behind the store's back. */
export async function flipBit(store: ObjectStore, key: string, at = -9): Promise<void> {
  const path = await store.localFile(key);
  const bytes = await readFile(path);
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = bytes[index]! ^ 1;
  await writeFile(path, bytes);
}

/** Cuts a stored object short. */
export async function truncate(store: ObjectStore, key: string, bytes: number): Promise<void> {
  const path = await store.localFile(key);
  await writeFile(path, (await readFile(path)).subarray(0, -bytes));
}
