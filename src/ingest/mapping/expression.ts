import { numberOf, unfit } from './cell.ts';
import type { Condition, Expression } from './line-context.ts';
import type { Cell, LineReader } from './line-reader.ts';
import { mappingError } from './spec.ts';
import { compileTemplate } from './template.ts';
import { timeParser } from './time-format.ts';

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function knownKeys(json: Json, path: string, keys: readonly string[]): void {
  for (const key of Object.keys(json))
    if (!keys.includes(key))
      throw mappingError(
        `${path}.${key}`,
        json[key],
        `is not known here; known are ${keys.join(', ')}`,
      );
}

/**
 * Compiles an expression of a mapping: a constant, a text with `{column}` in it, or an object with
 * `column` (and `times`, `map`, `time`), `sum`, or `if`.
 * @param path where it stands, for messages
 * @throws VamoError MAPPING_INVALID
 */
export function compileExpression(json: unknown, reader: LineReader, path: string): Expression {
  if (json === null || typeof json === 'number' || typeof json === 'boolean') return () => json;
  if (typeof json === 'string') return compileTemplate(json, reader, path);
  if (!isObject(json)) throw mappingError(path, json, 'must be a constant, a text or an object');
  if ('if' in json) return compileChoice(json, reader, path);
  if ('sum' in json) return compileSum(json, reader, path);
  if (!('column' in json)) throw mappingError(path, json, 'must have `column`, `sum` or `if`');
  return withDefault(compileColumn(json, reader, path), json, reader, path);
}

function withDefault(of: Expression, json: Json, reader: LineReader, path: string): Expression {
  if (!('or' in json)) return of;
  const or = compileExpression(json['or'], reader, `${path}.or`);
  return (context) => of(context) ?? or(context);
}

function compileColumn(json: Json, reader: LineReader, path: string): Expression {
  const name = json['column'];
  const column = reader.column(name, `${path}.column`);
  if ('map' in json) return compileMap(json, reader, path);
  if ('time' in json) {
    knownKeys(json, path, ['column', 'time', 'zone', 'or']);
    const parse = timeParser(json['time'], json['zone'], path);
    return ({ line }) => {
      const cell = column(line);
      if (cell === null) return null;
      const ms = typeof cell === 'boolean' ? Number.NaN : parse(cell);
      if (Number.isNaN(ms))
        throw unfit(path, `column ${String(name)} must be a time, ${String(json['time'])}`);
      return ms;
    };
  }
  knownKeys(json, path, ['column', 'times', 'or']);
  if (!('times' in json)) return ({ line }) => column(line);
  const { times } = json;
  if (typeof times !== 'number') throw mappingError(`${path}.times`, times, 'must be a number');
  return ({ line }) => {
    const cell = column(line);
    if (cell === null) return null;
    const value = numberOf(cell) * times;
    if (Number.isNaN(value)) throw unfit(path, `column ${String(name)} must be a number`);
    return value;
  };
}

/** The values of an enumeration; each may be an expression itself. */
function compileMap(json: Json, reader: LineReader, path: string): Expression {
  knownKeys(json, path, ['column', 'map', 'else', 'or']);
  const column = reader.column(json['column'], `${path}.column`);
  const values = json['map'];
  if (!isObject(values)) throw mappingError(`${path}.map`, values, 'must be an object of values');
  const cases = new Map(
    Object.entries(values).map(([key, value]) => [
      key,
      compileExpression(value, reader, `${path}.map.${key}`),
    ]),
  );
  const other =
    'else' in json ? compileExpression(json['else'], reader, `${path}.else`) : undefined;
  return (context) => {
    const cell = column(context.line);
    if (cell === null) return null;
    const found = cases.get(String(cell)) ?? other;
    if (found === undefined)
      throw unfit(
        path,
        `column ${String(json['column'])} must be one of ${[...cases.keys()].join(', ')}`,
      );
    return found(context);
  };
}

function compileSum(json: Json, reader: LineReader, path: string): Expression {
  knownKeys(json, path, ['sum', 'or']);
  const parts = json['sum'];
  if (!Array.isArray(parts) || parts.length === 0)
    throw mappingError(`${path}.sum`, parts, 'must be a list of expressions');
  const terms = parts.map((part, i) => compileExpression(part, reader, `${path}.sum.${i}`));
  const sum: Expression = (context) => {
    let total = 0;
    for (const term of terms) {
      const cell = term(context);
      if (cell === null) return null;
      total += numberOf(cell);
    }
    if (Number.isNaN(total)) throw unfit(path, 'must be a sum of numbers');
    return total;
  };
  return withDefault(sum, json, reader, path);
}

function compileChoice(json: Json, reader: LineReader, path: string): Expression {
  knownKeys(json, path, ['if', 'then', 'else']);
  const holds = compileCondition(json['if'], reader, `${path}.if`);
  const then = compileExpression(json['then'] ?? null, reader, `${path}.then`);
  const other = compileExpression(json['else'] ?? null, reader, `${path}.else`);
  return (context) => (holds(context) ? then(context) : other(context));
}

/**
 * Compiles a condition: `{column, is | not | above | below}`, `{all: [...]}`, `{any: [...]}`, or a list,
 * all of which must hold. Numbers are compared by value, text as it is; null is no value.
 * @throws VamoError MAPPING_INVALID
 */
export function compileCondition(json: unknown, reader: LineReader, path: string): Condition {
  if (Array.isArray(json)) return compileAll(json, reader, path);
  if (!isObject(json)) throw mappingError(path, json, 'must be a condition or a list of them');
  if ('all' in json) return compileAll(json['all'], reader, `${path}.all`);
  if ('any' in json) {
    const none = compileList(json['any'], reader, `${path}.any`);
    return (context) => none.some((holds) => holds(context));
  }
  knownKeys(json, path, ['column', 'is', 'not', 'above', 'below']);
  const column = reader.column(json['column'], `${path}.column`);
  const tests = Object.entries(json)
    .filter(([key]) => key !== 'column')
    .map(([key, value]) => compileTest(key, value, `${path}.${key}`));
  if (tests.length === 0) throw mappingError(path, json, 'must say is, not, above or below');
  return ({ line }) => {
    const cell = column(line);
    return tests.every((test) => test(cell));
  };
}

function compileList(json: unknown, reader: LineReader, path: string): readonly Condition[] {
  if (!Array.isArray(json) || json.length === 0)
    throw mappingError(path, json, 'must be a list of conditions');
  return json.map((one, i) => compileCondition(one, reader, `${path}.${i}`));
}

function compileAll(json: unknown, reader: LineReader, path: string): Condition {
  const all = compileList(json, reader, path);
  return (context) => all.every((holds) => holds(context));
}

function compileTest(key: string, value: unknown, path: string): (cell: Cell) => boolean {
  if (key === 'above' || key === 'below') {
    if (typeof value !== 'number') throw mappingError(path, value, 'must be a number');
    return key === 'above' ? (cell) => numberOf(cell) > value : (cell) => numberOf(cell) < value;
  }
  const wanted: unknown[] = Array.isArray(value) ? value : [value];
  const texts = new Set<Cell>();
  const numbers = new Set<number>();
  for (const one of wanted)
    if (typeof one === 'number') numbers.add(one);
    else if (one === null || typeof one === 'string' || typeof one === 'boolean') texts.add(one);
    else
      throw mappingError(
        path,
        value,
        'must be a text, a number, true, false, null or a list of them',
      );
  const isOne = (cell: Cell): boolean =>
    texts.has(cell) || (numbers.size > 0 && numbers.has(numberOf(cell)));
  return key === 'is' ? isOne : (cell) => !isOne(cell);
}
