import {
  acceptRecord,
  initialTrust,
  listReleases,
  readRelease,
  type ReleasePlace,
  type TrustedKeys,
  type TrustedState,
  type VerifiedRecord,
  verifyRecord,
} from '../contracts/index.ts';
import { isVamoError, type Logger } from '../core/index.ts';
import type { ModelHost } from './model-host.ts';
import type { ServedFiles } from './model.ts';
import type { BidderStore, OwnFiles, Served } from './own-files.ts';

/** A refused newest record does not hide the ones below it, but only so many are looked at. */
const MAX_REFUSED = 16;
const MAX_BACKOFF_MS = 60_000;

/** The version in service. Requests hold on to the one they began with. */
export interface ActiveVersion {
  readonly version: string;
  readonly manifest: string;
  readonly files: ServedFiles;
  readonly host: ModelHost;
  readonly loadMs: number;
  readonly keys: readonly string[];
}

/** Where a bidder stands; `rejected` = something newer was refused, the version before serves on. */
interface FollowerStatus {
  readonly state: 'idle' | 'loading' | 'active' | 'rejected';
  readonly generation: number;
  readonly epoch: number;
  readonly reason: string | null;
}

export interface Follower {
  readonly active: ActiveVersion | null;
  readonly status: FollowerStatus;
  /** Brings back the last trusted version from the bidder's own files, without the registry. */
  restore(): Promise<void>;
  /** Looks at the release log once and moves to its newest acceptable record. Never throws. */
  reconcile(): Promise<void>;
  close(): Promise<void>;
}

export interface FollowerOptions {
  readonly store: BidderStore;
  readonly own: OwnFiles;
  readonly channel: string;
  readonly trusted: TrustedKeys;
  readonly startHost: (files: ServedFiles) => Promise<ModelHost>;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly pollMs: number;
  readonly log: Logger;
  readonly onChange: () => void;
}

/** Keeps one bidder on the newest release it may trust; `reconcile` is called at every poll. */
export function createFollower(options: FollowerOptions): Follower {
  const { store, own, channel, trusted, clock, log } = options;
  const failures = new Map<string, { count: number; notBefore: number; why: string }>();
  const retiring = new Set<Promise<void>>();
  let trust: TrustedState = initialTrust(channel);
  let trustedRecord: Uint8Array | null = null;
  let active: ActiveVersion | null = null;
  let state: FollowerStatus['state'] = 'idle';
  let reason: string | null = null;

  function become(next: FollowerStatus['state'], why: string | null): void {
    if (next === state && why === reason) return;
    state = next;
    reason = why;
    const { epoch } = trust;
    if (next === 'rejected') log.warn('bidder.rejected', { epoch, reason: why });
    else log.info(`bidder.${next}`, { epoch, version: active?.version ?? null });
    options.onChange();
  }

  const serving = (): boolean => active?.host.alive ?? false;

  /** Loads and tests; nothing of the version in service is touched. */
  async function load({ record }: VerifiedRecord): Promise<ActiveVersion> {
    const { version, manifest } = record.champion;
    if (active?.manifest === manifest && active.host.alive) return active;
    const start = clock();
    const served: Served = await own.fetch(record.champion);
    const host = await options.startHost(served.files);
    const { files, keys } = served;
    return { version, manifest, files, keys, host, loadMs: clock() - start };
  }

  /** One assignment; the old worker answers what it was asked and ends. */
  function switchTo(next: ActiveVersion): void {
    const old = active;
    active = next;
    if (old === null || old === next) return;
    const done = old.host
      .retire()
      .catch((error: unknown) => log.warn('bidder.retire', { error: messageOf(error) }))
      .finally(() => retiring.delete(done));
    retiring.add(done);
  }

  async function activate(verified: VerifiedRecord, next: TrustedState, file: Uint8Array) {
    if (active === null) become('loading', null);
    const loaded = await load(verified);
    // Trust is written only now, when every check has passed, and before anything acts on it.
    await own.saveTrust({ trust: next, record: file });
    trust = next;
    trustedRecord = file;
    failures.clear();
    const before = active;
    switchTo(loaded);
    log.info('bidder.switched', { epoch: next.epoch, version: loaded.version });
    options.onChange();
    // Its own copies of the version before stay, for a quick way back.
    await own
      .keepOnly([...loaded.keys, ...(before?.keys ?? [])])
      .catch((error: unknown) => log.warn('bidder.copies', { error: messageOf(error) }));
  }

  /** Reads a record that may be newer; the reason when it must not be trusted. */
  async function consider(place: ReleasePlace): Promise<VerifiedRecord | string> {
    try {
      const verified = await readRelease(store, place, channel, trusted);
      if (verified.sha256 !== trust.sha256) acceptRecord(trust, verified);
      return verified;
    } catch (error) {
      if (!isVamoError(error)) throw error;
      return `${error.code}: ${error.message}`;
    }
  }

  async function follow(): Promise<void> {
    const newer = (await listReleases(store, channel))
      .filter(({ generation: g, epoch }) =>
        g === trust.generation ? epoch >= trust.epoch : g > trust.generation,
      )
      .reverse();
    let refused: string | null = null;
    for (const place of newer.slice(0, MAX_REFUSED)) {
      const verified = await consider(place);
      if (typeof verified === 'string') {
        refused ??= verified;
        continue;
      }
      if (verified.sha256 !== trust.sha256) {
        const failure = await attempt(verified.sha256, verified.record.champion.version, async () =>
          activate(verified, acceptRecord(trust, verified), await store.get(place.key)),
        );
        refused = failure ?? refused;
      }
      break;
    }
    if (refused !== null) become('rejected', refused);
    else if (serving()) become('active', null);
    // With a trusted record and nothing in service, the reason is the one restoring gave.
    else if (trustedRecord === null) become('idle', null);
  }

  /** Tries to serve a record, less and less often while it fails; the reason when it did. */
  async function attempt(
    sha256: string,
    what: string,
    serve: () => Promise<void>,
  ): Promise<string | null> {
    const before = failures.get(sha256);
    if (before !== undefined && clock() < before.notBefore) return before.why;
    try {
      await serve();
      failures.delete(sha256);
      return null;
    } catch (error) {
      const count = (before?.count ?? 0) + 1;
      const backoff = Math.min(MAX_BACKOFF_MS, options.pollMs * 2 ** count);
      const why = `${what}: ${messageOf(error)}`;
      failures.set(sha256, { count, notBefore: clock() + backoff, why });
      return why;
    }
  }

  async function restoreTrusted(): Promise<void> {
    const record = trustedRecord;
    if (record === null || serving()) return;
    const what = 'cannot bring back the last version';
    const failure = await attempt(trust.sha256 ?? '', what, async () => {
      switchTo(await load(verifyRecord(record, trusted)));
    });
    become(failure === null ? 'active' : 'rejected', failure);
  }

  return {
    get active() {
      return active;
    },
    get status() {
      return { state, generation: trust.generation, epoch: trust.epoch, reason };
    },
    async restore() {
      const saved = await own.loadTrust();
      if (saved?.trust.channel !== channel) return;
      trust = saved.trust;
      trustedRecord = saved.record;
      await restoreTrusted();
    },
    async reconcile() {
      try {
        await restoreTrusted();
        await follow();
      } catch (error) {
        log.warn('bidder.follow', { error: messageOf(error) });
      }
    },
    async close() {
      await Promise.all(retiring);
      await active?.host.retire();
    },
  };
}

function messageOf(error: unknown): string {
  if (isVamoError(error)) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}
