import { VamoError } from '../core/index.ts';
import { fileColumnsDigest, fileSha256, isWholeArrowFile } from '../store/index.ts';

/** What a manifest says of a file that the engine wrote. */
export interface BuiltFile {
  readonly bytes: number;
  readonly sha256: string;
  /** Of the contents, see `columnsDigest`. */
  readonly digest: string;
}

/**
 * Reads a file that the engine wrote twice, in pieces, for its two digests: a day may be larger than
 * what one process can hold.
 * @throws VamoError STORE_IO, STORE_CORRUPT
 */
export async function describeBuilt(
  path: string,
  columns: Parameters<typeof fileColumnsDigest>[1],
): Promise<BuiltFile> {
  return { ...(await fileSha256(path)), digest: await fileColumnsDigest(path, columns) };
}

/**
 * The engine goes on in silence when a write fails (chDB 3.4), so what it wrote is looked at.
 * @throws VamoError STORE_FULL
 */
export async function requireWhole(path: string): Promise<void> {
  if (await isWholeArrowFile(path)) return;
  throw new VamoError('STORE_FULL', `the engine could not write all of ${path}`, {
    details: { path },
  });
}
