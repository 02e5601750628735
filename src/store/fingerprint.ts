import { openColumnFile } from './column-file.ts';
import { type ColumnKind, type ColumnSource, openColumns } from './partition-columns.ts';

/** What a set of rows holds, whatever their order: every value of every column counts. */
export interface Fingerprint {
  readonly rows: number;
  /** Sum of the rows' 32-bit hashes, decimal. */
  readonly hash: string;
}

/** Odd constants that tell columns apart, and a column's lower half from its upper one. */
const GOLDEN = 2654435761;

/** The two multipliers of the column at `index`: of a text's CRC-32, or of an integer's halves. */
export function multipliers(index: number): readonly [low: number, high: number] {
  const at = (n: number): number => (Math.imul(GOLDEN, 2 * n + 1) | 1) >>> 0;
  return [at(index + 1), at(index + 1001)];
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** From the end: identifiers that follow one another differ there. */
function sameText(bytes: Uint8Array, a: number, aEnd: number, b: number, bEnd: number): boolean {
  const length = aEnd - a;
  if (length !== bEnd - b) return false;
  for (let i = length - 1; i >= 0; i--) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

/** CRC-32 as in zlib; a loop, since a call into native code a value would cost more than the bytes. */
function crc32(bytes: Uint8Array, from: number, to: number): number {
  let crc = -1;
  for (let i = from; i < to; i++)
    crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ (bytes[i] ?? 0)) & 255] ?? 0);
  return ~crc;
}

/** Adds a batch of texts to the sums of its rows, which begin at `row`. */
function addTexts(
  sums: Int32Array,
  row: number,
  rows: number,
  low: number,
  offsets: Int32Array,
  bytes: Uint8Array,
): void {
  let [lastFrom, lastTo, term] = [0, 0, 0];
  for (let i = 0; i < rows; i++) {
    const from = offsets[i] ?? 0;
    const to = offsets[i + 1] ?? 0;
    if (from === to) continue; // CRC-32 of nothing is 0.
    // Sorted rows repeat their texts, and to compare costs less than to divide.
    if (!sameText(bytes, lastFrom, lastTo, from, to)) term = Math.imul(crc32(bytes, from, to), low);
    [lastFrom, lastTo] = [from, to];
    sums[row + i] = ((sums[row + i] ?? 0) + term) | 0;
  }
}

/** Adds a batch of integers to the sums of its rows, which begin at `row`. */
function addIntegers(
  sums: Int32Array,
  row: number,
  rows: number,
  low: number,
  high: number,
  bytes: Uint8Array,
): void {
  const halves = new Int32Array(bytes.buffer, bytes.byteOffset, 2 * rows);
  for (let i = 0; i < rows; i++) {
    const lower = halves[2 * i] ?? 0;
    const upper = halves[2 * i + 1] ?? 0;
    if ((lower | upper) === 0) continue;
    sums[row + i] = ((sums[row + i] ?? 0) + Math.imul(lower, low) + Math.imul(upper, high)) | 0;
  }
}

/** Spreads a row's weighted sum, so that the sum over rows tells which values stood together. */
function mix(hash: number): number {
  let h = hash ^ (hash >>> 15);
  h = Math.imul(h, 0x2c1b3c6d);
  h ^= h >>> 12;
  return h >>> 0;
}

/**
 * The fingerprint of an Arrow file's rows. ClickHouse computes the same over a table, see
 * `fingerprintOf` in src/clickhouse: what was loaded can be held against its file without sending it
 * anywhere.
 * @param source the file's bytes or its opened columns
 * @throws VamoError STORE_CORRUPT when a column is missing or of another type
 */
export function columnsFingerprint(
  source: Uint8Array | ColumnSource,
  columns: Readonly<Record<string, ColumnKind>>,
  label = 'Arrow file',
): Fingerprint {
  const table = source instanceof Uint8Array ? openColumns(source, label) : source;
  const sums = new Int32Array(table.rows);
  Object.entries(columns).forEach(([name, kind], index) => {
    const [low, high] = multipliers(index);
    let row = 0;
    for (const { bytes, offsets, rows } of table.chunks(name, kind)) {
      if (offsets !== undefined) addTexts(sums, row, rows, low, offsets, bytes);
      else addIntegers(sums, row, rows, low, high, bytes);
      row += rows;
    }
  });
  // Below 2^53 for two million rows; beyond that in parts.
  let total = 0n;
  for (let from = 0; from < sums.length; from += 1 << 20) {
    let part = 0;
    for (const sum of sums.subarray(from, from + (1 << 20))) part += mix(sum);
    total += BigInt(part);
  }
  return { rows: table.rows, hash: String(BigInt.asUintN(64, total)) };
}

/** The fingerprint of a local file, read in pieces. @throws VamoError STORE_CORRUPT, STORE_IO */
export async function fileFingerprint(
  path: string,
  columns: Readonly<Record<string, ColumnKind>>,
): Promise<Fingerprint> {
  const file = await openColumnFile(path, path);
  try {
    return columnsFingerprint(file, columns, path);
  } finally {
    file.close();
  }
}
