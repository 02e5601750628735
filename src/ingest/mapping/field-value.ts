import type { FieldType } from '../event-fields.ts';
import { numberOf, unfit } from './cell.ts';
import type { Cell } from './line-reader.ts';

const FLAGS: Readonly<Record<string, boolean>> = { 1: true, 0: false, true: true, false: false };

/**
 * A cell as a field of its type.
 * @throws VamoError EVENT_INVALID
 */
export function fieldValue(cell: Cell, type: FieldType, path: string): string | number | boolean {
  if (cell === null) throw unfit(path, 'has no value');
  if (type === 'text') return String(cell);
  if (type === 'number') {
    const value = numberOf(cell);
    if (Number.isNaN(value)) throw unfit(path, 'must be a number');
    return value;
  }
  const value = FLAGS[String(cell)] ?? FLAGS[String(numberOf(cell))];
  if (value === undefined) throw unfit(path, 'must be true, false, 1 or 0');
  return value;
}
