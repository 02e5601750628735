import { VamoError } from '../../core/index.ts';
import type { FieldType } from '../event-fields.ts';
import { numberOf } from './expression.ts';
import type { Cell } from './line-reader.ts';

const FLAGS: Readonly<Record<string, boolean>> = { 1: true, 0: false, true: true, false: false };

/**
 * A cell as a field of its type.
 * @throws VamoError EVENT_INVALID
 */
export function fieldValue(cell: Cell, type: FieldType, path: string): string | number | boolean {
  const unfit = (must: string): VamoError =>
    new VamoError('EVENT_INVALID', `${path}: ${must}`, { details: { field: path } });
  if (cell === null) throw unfit('has no value');
  if (type === 'text') return String(cell);
  if (type === 'number') {
    const value = numberOf(cell);
    if (Number.isNaN(value)) throw unfit('must be a number');
    return value;
  }
  const value = FLAGS[String(cell)] ?? FLAGS[String(numberOf(cell))];
  if (value === undefined) throw unfit('must be true, false, 1 or 0');
  return value;
}
