import { literal } from './sql-text.ts';

/** The data directory that a database holds the copy of. */
export interface Owner {
  readonly id: string;
  /** For people. */
  readonly place: string;
}

/**
 * Writes down whose copy the database holds unless that is known. A view of one row, as making it is
 * one step: of two loaders that try together one does, and both read whose it is.
 */
export function claimDatabase({ id, place }: Owner): string {
  return `CREATE VIEW IF NOT EXISTS owner AS SELECT ${literal(id)} AS id, ${literal(place)} AS place`;
}

/** One row, `result`: 1 when the database has an owner. */
export const HAS_OWNER = 'EXISTS TABLE owner';

/** One row, `Owner`. */
export const READ_OWNER = 'SELECT id, place FROM owner';
