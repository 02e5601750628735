import { multipliers } from '../store/index.ts';
import { type ColumnTypes, identifier } from './sql-text.ts';

/**
 * Two columns, `rows` and `hash`: the `Fingerprint` of what a SELECT reads, the same number that
 * `columnsFingerprint` of src/store computes from an Arrow file. It reads every value: a count alone
 * comes from metadata, which may promise more than the disk took.
 */
export function fingerprintOf(columns: ColumnTypes): string {
  const terms = Object.entries(columns).map(([name, type], index) => {
    const [low, high] = multipliers(index);
    const column = identifier(name);
    if (type === 'text') return `toUInt64(CRC32(${column})) * ${low}`;
    const bits = `reinterpretAsUInt64(${column})`;
    // The upper half times `low` adds nothing below 2^32.
    return `${bits} * ${low} + bitShiftRight(${bits}, 32) * ${high}`;
  });
  // Sums and products wrap at 2^64, so that their lower halves are right. A name given inside an
  // expression stands for it from there on.
  const sum = `toUInt32(bitAnd(${terms.join(' + ')}, 4294967295))`;
  const spread = `toUInt32(bitXor((${sum} AS row_sum), bitShiftRight(row_sum, 15)) * toUInt64(0x2c1b3c6d))`;
  const mixed = `bitXor((${spread} AS row_hash), bitShiftRight(row_hash, 12))`;
  return `count() AS rows, toString(sum(toUInt64(${mixed}))) AS hash`;
}
