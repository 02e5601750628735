import { tableFromIPC, Type, type Vector } from 'apache-arrow';
import { VamoError } from '../core/index.ts';

/** The columns of an Arrow file, checked and copied into plain arrays on demand. */
export interface ColumnTable {
  readonly rows: number;
  readonly names: readonly string[];
  /** A column of integers or floats; integers are exact below 2^53. */
  numbers(name: string): Float64Array;
  /** A column of 64-bit integers as they are. */
  integers(name: string): BigInt64Array;
  texts(name: string): string[];
}

function corrupt(what: string, reason: string, cause?: unknown): VamoError {
  return new VamoError('STORE_CORRUPT', `${what}: ${reason}`, { details: { what }, cause });
}

function textsOf(vector: Vector, rows: number): string[] {
  const texts: string[] = new Array<string>(rows);
  let row = 0;
  for (const chunk of vector.data) {
    const offsets = chunk.valueOffsets as Int32Array;
    const values = chunk.values as Uint8Array;
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    for (let i = 0; i < chunk.length; i++)
      texts[row++] = bytes.toString('utf8', offsets[i], offsets[i + 1]);
  }
  return texts;
}

/**
 * Opens an Arrow IPC file (uncompressed; any number of batches).
 * @param what names the file in errors
 * @throws VamoError STORE_CORRUPT when it is no Arrow file, lacks a column asked for, or the column
 *   has nulls or another type
 */
export function readColumns(bytes: Uint8Array, what: string): ColumnTable {
  const table = (() => {
    try {
      return tableFromIPC(bytes);
    } catch (error) {
      throw corrupt(what, 'not a readable Arrow file', error);
    }
  })();
  const column = (name: string, types: readonly Type[]): Vector => {
    const vector = table.getChild(name) as Vector | null;
    if (vector === null) throw corrupt(what, `no column "${name}"`);
    if (!types.includes(vector.type.typeId))
      throw corrupt(what, `column "${name}" is ${String(vector.type)}`);
    if (vector.nullCount > 0) throw corrupt(what, `column "${name}" has nulls`);
    return vector;
  };
  const integers = (name: string): BigInt64Array => {
    const vector = column(name, [Type.Int]);
    const values: unknown = vector.toArray();
    if (!(values instanceof BigInt64Array)) throw corrupt(what, `column "${name}" is not Int64`);
    return values;
  };
  return {
    rows: table.numRows,
    names: table.schema.fields.map((field) => field.name),
    integers,
    numbers(name) {
      const values: unknown = column(name, [Type.Int, Type.Float]).toArray();
      if (values instanceof Float64Array) return values;
      return Float64Array.from(values as ArrayLike<number | bigint>, Number);
    },
    texts: (name) => textsOf(column(name, [Type.Utf8, Type.Binary]), table.numRows),
  };
}
