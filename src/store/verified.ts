import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { isVamoError, sha256, VamoError } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';
import { storeError } from './store-error.ts';

/** What a manifest or ledger says of an object. */
interface Recorded {
  readonly key: string;
  readonly sha256: string;
}

/**
 * Reads an object and compares it with its recorded digest.
 * @throws VamoError STORE_CORRUPT when it differs or is gone although something names it
 */
export async function readVerified(store: ObjectStore, ref: Recorded): Promise<Uint8Array> {
  const bytes = await store.get(ref.key).catch(goneIsCorrupt(ref.key));
  requireSame(ref, sha256(bytes), bytes.byteLength);
  return bytes;
}

/**
 * The same for engines that open files, and for files of any size: nothing is held in memory.
 * @throws VamoError STORE_CORRUPT when it differs or is gone although something names it, STORE_IO
 */
export async function verifiedFile(
  store: ObjectStore,
  ref: Recorded,
): Promise<{ path: string; bytes: number }> {
  const path = await store.localFile(ref.key).catch(goneIsCorrupt(ref.key));
  const found = await fileSha256(path);
  requireSame(ref, found.sha256, found.bytes);
  return { path, bytes: found.bytes };
}

const PIECE = 1 << 20;

/** Hex SHA-256 and size of a local file, read in pieces. @throws VamoError STORE_IO */
export async function fileSha256(
  path: string,
  pieceBytes = PIECE,
): Promise<{ sha256: string; bytes: number }> {
  try {
    const file = await open(path);
    try {
      const hash = createHash('sha256');
      const piece = Buffer.allocUnsafe(pieceBytes);
      let bytes = 0;
      for (;;) {
        const { bytesRead } = await file.read(piece, 0, pieceBytes, bytes);
        if (bytesRead === 0) return { sha256: hash.digest('hex'), bytes };
        hash.update(piece.subarray(0, bytesRead));
        bytes += bytesRead;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    throw storeError(error, `cannot read ${path}`);
  }
}

const goneIsCorrupt =
  (key: string) =>
  (error: unknown): never => {
    if (!isVamoError(error, 'STORE_NOT_FOUND')) throw error;
    throw new VamoError('STORE_CORRUPT', `${key} is recorded but missing`, {
      details: { key, found: null, bytes: 0 },
    });
  };

function requireSame({ key, sha256: recorded }: Recorded, found: string, bytes: number): void {
  if (found === recorded) return;
  throw new VamoError(
    'STORE_CORRUPT',
    `${key}: ${bytes} bytes with digest ${found.slice(0, 12)}, recorded ${recorded.slice(0, 12)}`,
    { details: { key, found, recorded, bytes } },
  );
}
