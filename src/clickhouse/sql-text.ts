import { VamoError } from '../core/index.ts';

/** A text literal of ClickHouse SQL. */
export function literal(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** An Int64 literal. @throws VamoError USAGE when it is not a safe integer */
export function integer(value: number | bigint): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value))
    throw new VamoError('USAGE', `${value} is not an integer that SQL could hold exactly`);
  return `toInt64(${value})`;
}

/** An unquoted name of a column or table. @throws VamoError USAGE when it is anything else */
export function identifier(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw new VamoError('USAGE', `"${name}" is not a name SQL could hold unquoted`);
  return name;
}

export type ColumnTypes = Readonly<Record<string, 'text' | 'int64'>>;

/** Column names, separated by commas. */
export function columnList(columns: ColumnTypes): string {
  return Object.keys(columns).map(identifier).join(', ');
}

/** Column names with the engine's types. */
export function structure(columns: ColumnTypes): string {
  return Object.entries(columns)
    .map(([name, type]) => `${identifier(name)} ${type === 'text' ? 'String' : 'Int64'}`)
    .join(', ');
}

/**
 * The table function of Arrow files with the given columns. The engine reads wildcards in a path
 * and offers no way to quote them, so a folder whose name holds some is refused.
 * @param wildcard what to match inside `folder`: a file name, or a pattern such as `*.arrow`
 * @throws VamoError USAGE
 */
export function arrowFiles(folder: string, wildcard: string, columns: ColumnTypes): string {
  if (/[*?{}]/.test(folder))
    throw new VamoError('USAGE', `"${folder}": the engine cannot use a folder named with * ? { }`);
  return `file(${literal(`${folder}/${wildcard}`)}, Arrow, ${literal(structure(columns))})`;
}

/** Uncompressed and plain, as every other reader expects; an old file of the name is replaced. */
export const ARROW_OUTPUT =
  "SETTINGS output_format_arrow_compression_method = 'none', output_format_arrow_string_as_string = 1, engine_file_truncate_on_insert = 1";

/** For an INSERT of a file: a second thread takes a third more CPU and is hardly sooner done. */
export const ONE_THREAD = 'SETTINGS max_threads = 1';
