import { VamoError } from '../../core/index.ts';
import { type LineFormat, mappingError } from './spec.ts';

/** A value of a line. */
export type Cell = string | number | boolean | null;

/** The value of one column in a line that was read. */
type ColumnReader = (line: unknown) => Cell;

/** Takes lines apart. */
export interface LineReader {
  /**
   * The line taken apart, for column readers; 'header' or 'blank' when it holds no values.
   * @throws VamoError EVENT_INVALID when it has not the form
   */
  read(text: unknown): unknown;
  /** @throws VamoError MAPPING_INVALID when there is no such column */
  column(name: unknown, path: string): ColumnReader;
}

function malformed(reason: string): VamoError {
  return new VamoError('EVENT_INVALID', reason, { details: { field: 'line' } });
}

export function createLineReader(format: LineFormat): LineReader {
  return format.kind === 'json' ? jsonReader() : separatedReader(format);
}

/** The text of a record without its line's end and without a byte-order mark. */
function textOf(value: unknown): string {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw malformed('no text');
  const text = typeof value === 'string' ? value : Buffer.from(value).toString('utf8');
  const from = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const to = text.endsWith('\r') ? text.length - 1 : text.length;
  return from === 0 && to === text.length ? text : text.slice(from, to);
}

/** The cells of a line in which quotes may hold the separator. @throws VamoError EVENT_INVALID */
export function splitQuoted(text: string, separator: string, quote: string): string[] {
  const cells: string[] = [];
  for (let at = 0; ; at++) {
    if (text[at] === quote) {
      let cell = '';
      for (let from = at + 1; ; from = at + 1) {
        at = text.indexOf(quote, from);
        if (at < 0) throw malformed('a quoted cell does not end on its line');
        cell += text.slice(from, at);
        at += 1;
        if (text[at] !== quote) break;
        cell += quote;
      }
      if (at < text.length && text[at] !== separator)
        throw malformed('text follows the end of a quoted cell');
      cells.push(cell);
    } else {
      const end = text.indexOf(separator, at);
      const to = end < 0 ? text.length : end;
      cells.push(text.slice(at, to));
      at = to;
    }
    if (at >= text.length) return cells;
  }
}

function separatedReader(format: Extract<LineFormat, { kind: 'separated' }>): LineReader {
  const { separator, quote, columns, widths = [columns.length] } = format;
  for (const width of widths)
    if (width > columns.length)
      throw mappingError(
        'format.widths',
        width,
        `must be at most ${columns.length}, the columns named`,
      );
  const nulls = new Set(format.nulls);
  const header = columns.slice(0, Math.min(...widths));

  return {
    read(value) {
      const text = textOf(value);
      if (text === '') return 'blank';
      const cells =
        quote !== null && text.includes(quote)
          ? splitQuoted(text, separator, quote)
          : text.split(separator);
      if (!widths.includes(cells.length))
        throw malformed(`${cells.length} columns; must be ${widths.join(' or ')}`);
      if (cells[0] === header[0] && header.every((name, i) => cells[i] === name)) return 'header';
      return cells;
    },
    column(name, path) {
      const at = typeof name === 'number' ? name - 1 : columns.indexOf(String(name));
      if (typeof name === 'string' && columns.lastIndexOf(name) !== at)
        throw mappingError(path, name, 'stands twice in format.columns; give the number, from 1');
      if (columns[at] === undefined)
        throw mappingError(path, name, 'must be a name of format.columns, or a number from 1');
      return (line) => {
        const cell = (line as readonly string[])[at];
        return cell === undefined || nulls.has(cell) ? null : cell;
      };
    },
  };
}

function jsonReader(): LineReader {
  return {
    read(value) {
      let line = value;
      if (typeof value === 'string' || value instanceof Uint8Array) {
        const text = textOf(value);
        if (text.trim() === '') return 'blank';
        try {
          line = JSON.parse(text);
        } catch {
          throw malformed('not JSON');
        }
      }
      if (typeof line !== 'object' || line === null) throw malformed('must be a JSON object');
      return line;
    },
    column(name, path) {
      if (typeof name !== 'string' || name === '')
        throw mappingError(path, name, 'must be the path of a member, as `user.id`');
      const keys = name.split('.');
      return (line) => {
        let value = line;
        for (const key of keys)
          value =
            typeof value === 'object' && value !== null && Object.hasOwn(value, key)
              ? (value as Record<string, unknown>)[key]
              : undefined;
        if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
          return value;
        return value === undefined || value === null ? null : JSON.stringify(value);
      };
    },
  };
}
