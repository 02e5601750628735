import { createHash, type Hash } from 'node:crypto';
import { openColumnFile } from './column-file.ts';
import { type ColumnKind, type ColumnSource, openColumns } from './partition-columns.ts';

/**
 * SHA-256 over the values of named columns, in the given order. It depends on rows and their order
 * alone: not on record batches, padding, metadata, or columns that are not named.
 *
 * Hashed for each column: `NAME:KIND:ROWS\n`, then for int64 the values (8 bytes, little-endian);
 * for text the lengths in bytes of all rows (4 bytes, little-endian), then all their bytes.
 *
 * @param source an Arrow file's bytes or its opened columns
 * @throws VamoError STORE_CORRUPT when a column is missing or of another type
 */
export function columnsDigest(
  source: Uint8Array | ColumnSource,
  columns: Readonly<Record<string, ColumnKind>>,
  label = 'Arrow file',
): string {
  const table = source instanceof Uint8Array ? openColumns(source, label) : source;
  const hash = createHash('sha256');
  for (const [name, kind] of Object.entries(columns)) {
    const chunks = () => table.chunks(name, kind);
    hash.update(`${name}:${kind}:${table.rows}\n`);
    if (kind === 'text') for (const { offsets, rows } of chunks()) hashLengths(hash, offsets, rows);
    for (const { bytes, offsets, rows } of chunks())
      hash.update(offsets ? bytes.subarray(offsets[0], offsets[rows]) : bytes);
  }
  return hash.digest('hex');
}

/** The same of a local file, read in pieces. @throws VamoError STORE_CORRUPT, STORE_IO */
export async function fileColumnsDigest(
  path: string,
  columns: Readonly<Record<string, ColumnKind>>,
): Promise<string> {
  const file = await openColumnFile(path, path);
  try {
    return columnsDigest(file, columns, path);
  } finally {
    file.close();
  }
}

function hashLengths(hash: Hash, offsets: Int32Array | undefined, rows: number): void {
  const lengths = new Int32Array(rows);
  if (offsets)
    for (let i = 0; i < rows; i++) lengths[i] = (offsets[i + 1] ?? 0) - (offsets[i] ?? 0);
  hash.update(lengths);
}
