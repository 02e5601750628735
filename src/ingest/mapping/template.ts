import { createHash } from 'node:crypto';
import { numberOf, unfit } from './cell.ts';
import type { Expression } from './line-context.ts';
import type { LineReader } from './line-reader.ts';
import { mappingError } from './spec.ts';

/**
 * Compiles a text with `{column}`, `{column:int}` (7.0 as 7), `{@day}` and `{@hash}` (of the whole line)
 * in it.
 * @param path where it stands, for messages
 * @throws VamoError MAPPING_INVALID
 */
export function compileTemplate(text: string, reader: LineReader, path: string): Expression {
  const parts = text.split(/\{([^{}]*)\}/);
  // What is left of a brace without its other half would be the same text on every line.
  if (parts.some((part, i) => i % 2 === 0 && /[{}]/.test(part)))
    throw mappingError(path, text, 'braces must stand in pairs around a column, as "{bidid}"');
  if (parts.length === 1) return () => text;
  const terms = parts.map((part, i) => (i % 2 === 0 ? part : placeholder(part, reader, path)));
  return (context) => {
    let result = '';
    for (const term of terms) {
      const cell = typeof term === 'string' ? term : term(context);
      if (cell === null) return null;
      result += String(cell);
    }
    return result;
  };
}

function placeholder(text: string, reader: LineReader, path: string): Expression {
  if (text === '@day') return ({ day }) => day;
  if (text === '@hash')
    return ({ raw }) =>
      createHash('sha256')
        .update(typeof raw === 'string' || raw instanceof Uint8Array ? raw : JSON.stringify(raw))
        .digest('hex')
        .slice(0, 32);
  const [, name = text] = /^(.*):int$/.exec(text) ?? [];
  const column = reader.column(name, path);
  if (name === text) return ({ line }) => column(line);
  return ({ line }) => {
    const cell = column(line);
    const value = cell === null ? 0 : numberOf(cell);
    if (!Number.isInteger(value)) throw unfit(path, `column ${name} must be a whole number`);
    return cell === null ? null : value;
  };
}

/** Whether an expression can give two lines of a day different values: it names a column, or `@hash`. */
export function variesByLine(json: unknown): boolean {
  if (typeof json === 'string') return /\{(?!@day\})/.test(json);
  if (typeof json !== 'object' || json === null) return false;
  return 'column' in json || Object.values(json).some(variesByLine);
}
