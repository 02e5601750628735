import { VamoError } from '../../core/index.ts';
import type { Cell } from './line-reader.ts';

const NUMERIC = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** A cell as a number; NaN when it is none. */
export function numberOf(cell: Cell): number {
  if (typeof cell === 'number') return cell;
  return typeof cell === 'string' && NUMERIC.test(cell) ? Number(cell) : Number.NaN;
}

/** A cell that does not fit what the mapping makes of it: where, and what it must be. */
export function unfit(path: string, must: string): VamoError {
  return new VamoError('EVENT_INVALID', `${path}: ${must}`, { details: { field: path } });
}
