import {
  blobKey,
  byRole,
  checkpointDigest,
  type CheckpointManifest,
  type CheckpointRole,
  jsonBytes,
  type Lineage,
  manifestKey,
  matchDigest,
  parseManifest,
  readCheckpointFile,
} from '../contracts/index.ts';
import { isVamoError, sha256, stableJson, VamoError } from '../core/index.ts';
import type { ObjectStore } from '../store/index.ts';

const FILE_KINDS = {
  graph: { mediaType: 'application/onnx', serve: true },
  normaliser: { mediaType: 'application/json', serve: true },
  golden: { mediaType: 'application/json', serve: true },
  weights: { mediaType: 'application/safetensors', serve: false },
  evaluation: { mediaType: 'application/json', serve: false },
  temporal: { mediaType: 'application/onnx', serve: true },
  table: { mediaType: 'application/json', serve: true },
} as const satisfies Record<CheckpointRole, { mediaType: string; serve: boolean }>;

/** A checkpoint before it has a name. */
export interface CheckpointDraft {
  /** `graph`, `normaliser` and `golden` are required; with a temporal module `temporal` and `table` too. */
  readonly files: Readonly<Partial<Record<CheckpointRole, Uint8Array>>>;
  readonly lineage: Lineage;
  readonly io: CheckpointManifest['io'];
  readonly limits: CheckpointManifest['limits'];
  readonly testDay: string;
  /** Default: one more than the day's highest. */
  readonly revision?: number;
}

/** A checkpoint as it stands in the registry. */
interface StoredCheckpoint {
  readonly manifest: CheckpointManifest;
  /** Digest of the manifest file: what a release record signs. */
  readonly manifestSha256: string;
}

export interface Checkpoint extends StoredCheckpoint {
  readonly files: ReadonlyMap<CheckpointRole, Uint8Array>;
}

/** Content-addressed checkpoints: immutable once their manifest is there. */
export interface Registry {
  /**
   * Stores a checkpoint: blobs, each read back and hashed, then the manifest. The same inputs again
   * give the version they gave before, so a crash anywhere is mended by the same call.
   */
  putCheckpoint(draft: CheckpointDraft): Promise<StoredCheckpoint>;
  /** All versions, by day and revision. */
  versions(): Promise<string[]>;
  /** The manifest, checked. @throws VamoError VERSION_UNKNOWN, CHECKPOINT_INVALID */
  readManifest(version: string): Promise<StoredCheckpoint>;
  /** Every file, checked against size and digest. @throws VamoError VERSION_UNKNOWN, CHECKPOINT_INVALID */
  readCheckpoint(version: string): Promise<Checkpoint>;
}

/** The registry of a store; nothing is kept in memory. */
export function openRegistry(store: ObjectStore): Registry {
  const registry: Registry = {
    putCheckpoint: (draft) => putCheckpoint(store, registry, draft),
    versions: () => versions(store),
    readManifest: (version) => readManifest(store, version),
    readCheckpoint: (version) => readCheckpoint(store, version),
  };
  return registry;
}

async function putCheckpoint(
  store: ObjectStore,
  registry: Registry,
  draft: CheckpointDraft,
): Promise<StoredCheckpoint> {
  const contents = Object.entries(draft.files) as [CheckpointRole, Uint8Array][];
  const files = contents
    .map(([role, bytes]) => ({
      role,
      ...FILE_KINDS[role],
      size: bytes.length,
      sha256: sha256(bytes),
    }))
    .sort(byRole);
  const digest = checkpointDigest(files, draft.lineage);
  const { testDay, lineage, io, limits } = draft;
  const known = await registry.versions();
  const same = known.find((v) => v.startsWith(`${testDay}-r`) && v.endsWith(digest.slice(0, 12)));
  if (same !== undefined) return reuse(await registry.readManifest(same), { io, limits });
  const version = `${testDay}-r${draft.revision ?? nextRevision(known, testDay)}-${digest.slice(0, 12)}`;
  const manifest = {
    schema: 'checkpoint/v1',
    version,
    digest,
    files,
    io,
    limits,
    lineage,
  } as const;
  const bytes = jsonBytes(manifest);
  parseManifest(bytes, version);
  for (const [role, blob] of contents) await putBlob(store, role, blob);
  // The manifest comes last: a version is there when its manifest is, and then it is whole.
  await store.putIfAbsent(manifestKey(version), bytes);
  return reuse(await registry.readManifest(version), { io, limits });
}

/** A manifest that is already there stands for this draft only if it says the same about its use. */
function reuse(
  stored: StoredCheckpoint,
  { io, limits }: Pick<CheckpointManifest, 'io' | 'limits'>,
): StoredCheckpoint {
  const { manifest } = stored;
  if (stableJson([manifest.io, manifest.limits]) !== stableJson([io, limits]))
    throw new VamoError(
      'CHECKPOINT_INVALID',
      `${manifest.version} exists with other io or limits`,
      { details: { version: manifest.version } },
    );
  return stored;
}

function nextRevision(known: readonly string[], testDay: string): number {
  const taken = known.filter((v) => v.startsWith(`${testDay}-r`)).map(revisionOf);
  return Math.max(-1, ...taken) + 1;
}

function revisionOf(version: string): number {
  return Number(/-r(\d+)-/.exec(version)?.[1]);
}

async function putBlob(store: ObjectStore, role: CheckpointRole, bytes: Uint8Array): Promise<void> {
  const digest = sha256(bytes);
  const key = blobKey(digest);
  if (await store.putIfAbsent(key, bytes)) {
    matchDigest(`${role} as written`, await store.get(key), digest);
    return;
  }
  // A blob that has rotted since is mended by writing its content again.
  if (sha256(await store.get(key)) !== digest) await store.put(key, bytes);
}

async function versions(store: ObjectStore): Promise<string[]> {
  const keys = await store.list('models/manifests');
  return keys
    .map((key) => key.slice(key.lastIndexOf('/') + 1).replace(/\.json$/, ''))
    .filter((version) => keys.includes(safeManifestKey(version)))
    .sort((a, b) =>
      a.slice(0, 10) === b.slice(0, 10) ? revisionOf(a) - revisionOf(b) : a < b ? -1 : 1,
    );
}

/** Files that are not named like a version are not versions. */
function safeManifestKey(version: string): string {
  try {
    return manifestKey(version);
  } catch {
    return '';
  }
}

async function readManifest(store: ObjectStore, version: string): Promise<StoredCheckpoint> {
  let bytes: Uint8Array;
  try {
    bytes = await store.get(manifestKey(version));
  } catch (cause) {
    if (!isVamoError(cause, 'STORE_NOT_FOUND')) throw cause;
    throw new VamoError('VERSION_UNKNOWN', `there is no version ${version}`, { cause });
  }
  return { manifest: parseManifest(bytes, version), manifestSha256: sha256(bytes) };
}

async function readCheckpoint(store: ObjectStore, version: string): Promise<Checkpoint> {
  const stored = await readManifest(store, version);
  const files = new Map<CheckpointRole, Uint8Array>();
  for (const { role } of stored.manifest.files)
    files.set(role, await readCheckpointFile(store, stored.manifest, role));
  return { ...stored, files };
}
