import { literal } from '../sql-text.ts';

const QUOTED = /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/.source;
const INPUT = new RegExp(`${QUOTED}|\\binput\\s*\\(\\s*('(?:[^'\\\\]|\\\\.|'')*')\\s*\\)`, 'gi');
const FORMAT = /\bFORMAT\s+([A-Za-z0-9]+)\s*;?\s*$/i;
const VALUES = /\bVALUES\s*;?\s*$/i;

/** Whether the statement inserts rows that come in the request's body. */
export const insertsBody = (sql: string): boolean =>
  /^\s*INSERT\b/i.test(sql) && (FORMAT.test(sql) || VALUES.test(sql));

/**
 * The statement with the rows taken from a file in place of the request's body, which the embedded
 * engine could only take as text: `FROM INFILE`, or `file(...)` where it selects from `input(...)`.
 */
export function insertFromFile(sql: string, path: string): string {
  const named = FORMAT.exec(sql);
  const format = named?.[1] ?? 'Values';
  const head = sql.slice(0, named?.index ?? VALUES.exec(sql)?.index).trimEnd();
  const selecting = head.replace(INPUT, (text, structure: string | undefined) =>
    structure === undefined ? text : `file(${literal(path)}, ${format}, ${structure})`,
  );
  if (selecting !== head) return selecting;
  const settings = /\sSETTINGS\s(?=[^()]*$)/i.exec(head)?.index ?? head.length;
  const infile = `FROM INFILE ${literal(path)} COMPRESSION 'none'`;
  return `${head.slice(0, settings)} ${infile}${head.slice(settings)} FORMAT ${format}`;
}
