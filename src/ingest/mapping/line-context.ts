import type { Cell } from './line-reader.ts';

/** A line being decoded: what its reader made of it, and what templates may ask for. */
export interface LineContext {
  readonly line: unknown;
  readonly raw: unknown;
  /** The line's day in the platform's zone; '' before its time is known. */
  day: string;
  /** Its first millisecond. */
  dayStartMs: number;
}

/** A compiled expression: a line's value for a field. @throws VamoError EVENT_INVALID */
export type Expression = (context: LineContext) => Cell;
export type Condition = (context: LineContext) => boolean;
