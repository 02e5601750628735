import { isVamoError, sha256, stableJson, VamoError } from '../core/index.ts';
import {
  CHECKPOINT_ROLES,
  type CheckpointManifest,
  checkpointManifest,
  type CheckpointRole,
  type Lineage,
  VERSION_PATTERN,
} from './checkpoint.ts';
import { readJson } from './strict-json.ts';

const MAX_MANIFEST_BYTES = 1_048_576;

interface Reader {
  get(key: string): Promise<Uint8Array>;
}

/** Where content is kept: by its own digest, so names never come from a caller. */
export function blobKey(digest: string): string {
  return `models/blobs/sha256/${digest.slice(0, 2)}/${digest.slice(2)}`;
}

/** @throws VamoError VERSION_UNKNOWN when the text cannot be a version (so it is never a path). */
export function manifestKey(version: string): string {
  if (!VERSION_PATTERN.test(version))
    throw new VamoError('VERSION_UNKNOWN', `"${version}" is not a version`, {
      details: { version },
    });
  return `models/manifests/${version}.json`;
}

/** The digest of a checkpoint: its files by role, the evaluation left out, and its lineage. */
export function checkpointDigest(
  files: readonly { readonly role: CheckpointRole; readonly sha256: string }[],
  lineage: Lineage,
): string {
  const lines = files
    .filter(({ role }) => role !== 'evaluation')
    .map((file) => `${file.role}:${file.sha256}`)
    .sort();
  return sha256([...lines, stableJson(lineage)].join('\n'));
}

/**
 * Reads a manifest file: its bytes against the digest a signed record names (if given), its content
 * against its own digest and version.
 * @throws VamoError CHECKPOINT_INVALID naming what differs.
 */
export function parseManifest(
  bytes: Uint8Array,
  version: string,
  expectedSha256?: string,
): CheckpointManifest {
  const what = `manifest of ${version}`;
  if (expectedSha256 !== undefined) matchDigest(what, bytes, expectedSha256);
  const manifest = readJson(checkpointManifest, bytes, {
    what,
    code: 'CHECKPOINT_INVALID',
    maxBytes: MAX_MANIFEST_BYTES,
  });
  const roles = manifest.files.map(({ role }) => role);
  const twice = roles.find((role, i) => roles.indexOf(role) !== i);
  if (twice !== undefined) throw invalid(`${what}: two files of role ${twice}`);
  const temporal = manifest.io.temporal === undefined ? [] : (['temporal', 'table'] as const);
  for (const role of ['graph', 'normaliser', 'golden', ...temporal] as const)
    if (!roles.includes(role)) throw invalid(`${what}: no file of role ${role}`);
  const digest = checkpointDigest(manifest.files, manifest.lineage);
  if (digest !== manifest.digest)
    throw invalid(`${what}: digest ${manifest.digest}, its files and lineage give ${digest}`);
  if (manifest.version !== version || !version.endsWith(digest.slice(0, 12)))
    throw invalid(`${what}: it calls itself ${manifest.version}, its digest is ${digest}`);
  return manifest;
}

/**
 * Reads one file of a checkpoint from `reader` and checks its size and digest, every time.
 * @throws VamoError CHECKPOINT_INVALID naming the role, expected and found; VERSION_UNKNOWN when the
 * manifest has no such role.
 */
export async function readCheckpointFile(
  reader: Reader,
  manifest: CheckpointManifest,
  role: CheckpointRole,
): Promise<Uint8Array> {
  const file = manifest.files.find((f) => f.role === role);
  const what = `${role} of ${manifest.version}`;
  if (file === undefined) throw new VamoError('VERSION_UNKNOWN', `${what}: no such file`);
  const bytes = await getOrInvalid(reader, blobKey(file.sha256), what);
  if (bytes.length !== file.size)
    throw invalid(`${what}: expected ${file.size} bytes, found ${bytes.length}`, { role });
  matchDigest(what, bytes, file.sha256);
  return bytes;
}

/** Reads an object that must be there. @throws VamoError CHECKPOINT_INVALID when it is missing. */
export async function getOrInvalid(reader: Reader, key: string, what: string): Promise<Uint8Array> {
  try {
    return await reader.get(key);
  } catch (cause) {
    if (!isVamoError(cause, 'STORE_NOT_FOUND')) throw cause;
    throw new VamoError('CHECKPOINT_INVALID', `${what}: missing (${key})`, { cause });
  }
}

/** @throws VamoError CHECKPOINT_INVALID with both digests when bytes are not what was expected. */
export function matchDigest(what: string, bytes: Uint8Array, expected: string): void {
  const found = sha256(bytes);
  if (found !== expected)
    throw invalid(`${what}: expected sha256 ${expected}, found ${found}`, { expected, found });
}

function invalid(message: string, details: Record<string, unknown> = {}): VamoError {
  return new VamoError('CHECKPOINT_INVALID', message, { details });
}

/** The order in which files are listed and written. */
export function byRole(a: { role: CheckpointRole }, b: { role: CheckpointRole }): number {
  return CHECKPOINT_ROLES.indexOf(a.role) - CHECKPOINT_ROLES.indexOf(b.role);
}
