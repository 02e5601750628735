import { z } from 'zod';
import {
  blobKey,
  type CheckpointManifest,
  type CheckpointRole,
  DIGEST_PATTERN,
  getOrInvalid,
  jsonBytes,
  manifestKey,
  matchDigest,
  type ObjectReader,
  parseManifest,
  readJson,
  type ReleasedVersion,
  type TrustedState,
} from '../contracts/index.ts';
import { isVamoError, VamoError } from '../core/index.ts';
import type { ServedFiles } from './model.ts';

/** What a bidder needs of a store: it reads models and releases, and writes below `fleet/` only. */
export interface BidderStore extends ObjectReader {
  put(key: string, bytes: Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
}

const savedState = z.strictObject({
  schema: z.literal('bidder-state/v1'),
  channel: z.string(),
  generation: z.int().min(1),
  epoch: z.int().min(1),
  sha256: z.string().regex(DIGEST_PATTERN),
  revoked: z.array(z.string().regex(DIGEST_PATTERN)),
  /** The signed record itself, base64, so that a restart needs nobody else. */
  record: z.base64(),
});

/** The newest record a bidder trusts, with the record file. */
interface SavedTrust {
  readonly trust: TrustedState;
  readonly record: Uint8Array;
}

/** A checkpoint's files as a bidder serves them, and the keys they were read from. */
export interface Served {
  readonly manifest: CheckpointManifest;
  readonly files: ServedFiles;
  readonly keys: readonly string[];
}

/** A bidder's own corner of the store: what it trusts and its copies of what it serves. */
export interface OwnFiles {
  /** Null before the first accepted record. @throws VamoError STORE_CORRUPT: trust is never guessed */
  loadTrust(): Promise<SavedTrust | null>;
  /** Durable and atomic. Call it only when every check has passed. */
  saveTrust(saved: SavedTrust): Promise<void>;
  /**
   * The served files of a version, from the bidder's own copies or else the registry; hashed every
   * time, a rotten own copy is fetched again. @throws VamoError CHECKPOINT_INVALID
   */
  fetch(released: ReleasedVersion): Promise<Served>;
  /** Drops own copies of everything but `keys`. */
  keepOnly(keys: readonly string[]): Promise<void>;
}

export function ownFiles(store: BidderStore, id: string): OwnFiles {
  const stateKey = `fleet/${id}/state.json`;
  const copies = `fleet/${id}/copies`;

  async function readThrough(key: string, digest: string, what: string): Promise<Uint8Array> {
    const copy = `${copies}/${key}`;
    try {
      const own = await store.get(copy);
      matchDigest(what, own, digest);
      return own;
    } catch (error) {
      if (!isVamoError(error, 'STORE_NOT_FOUND') && !isVamoError(error, 'CHECKPOINT_INVALID'))
        throw error;
    }
    const bytes = await getOrInvalid(store, key, what);
    matchDigest(what, bytes, digest);
    await store.put(copy, bytes);
    return bytes;
  }

  return {
    async loadTrust() {
      try {
        const source = { what: stateKey, code: 'STORE_CORRUPT', maxBytes: 1_048_576 } as const;
        const saved = readJson(savedState, await store.get(stateKey), source);
        const { record, schema: _schema, ...trust } = saved;
        return { trust, record: Buffer.from(record, 'base64') };
      } catch (error) {
        if (isVamoError(error, 'STORE_NOT_FOUND')) return null;
        if (!isVamoError(error, 'STORE_CORRUPT')) throw error;
        throw new VamoError('STORE_CORRUPT', error.message, {
          cause: error,
          mend: 'This file holds what the bidder trusts and cannot be read. Remove it to start again from the newest signed release.',
        });
      }
    },
    async saveTrust({ trust, record }) {
      const saved = { schema: 'bidder-state/v1', ...trust, record: toBase64(record) };
      await store.put(stateKey, jsonBytes(savedState.parse(saved)));
    },
    async fetch({ version, manifest: digest }) {
      const manifestFile = await readThrough(
        manifestKey(version),
        digest,
        `manifest of ${version}`,
      );
      const manifest = parseManifest(manifestFile, version, digest);
      const keys = [manifestKey(version)];
      const read = (role: CheckpointRole): Promise<Uint8Array> => {
        const file = manifest.files.find((f) => f.role === role);
        const sha = file?.sha256 ?? '';
        keys.push(blobKey(sha));
        return readThrough(blobKey(sha), sha, `${role} of ${version}`);
      };
      const files: ServedFiles = {
        io: manifest.io,
        limits: manifest.limits,
        graph: await read('graph'),
        normaliser: await read('normaliser'),
        golden: await read('golden'),
        ...(manifest.io.temporal && {
          temporal: { graph: await read('temporal'), table: await read('table') },
        }),
      };
      return { manifest, files, keys };
    },
    async keepOnly(keys) {
      const kept = new Set(keys.map((key) => `${copies}/${key}`));
      for (const copy of await store.list(copies)) if (!kept.has(copy)) await store.remove(copy);
    },
  };
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
