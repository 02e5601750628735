import {
  emptyOutcome,
  EVENT_VERSION,
  fitTogether,
  isPlainText,
  OUTCOME_FIELDS,
  type OutcomeField,
  type OutcomeScanner,
  REQUIRED_BITS,
  setDecimal,
  setWhole,
} from '../contracts/index.ts';
import { AvroCursor, type AvroField, type AvroType } from './avro-cursor.ts';

const NUMERIC = ['int', 'long', 'float', 'double'];
/** What a field of an outcome may be in a schema; of another type it is left to the decoder. */
const TYPES_OF: Readonly<Record<OutcomeField['form'], readonly string[]>> = {
  text: ['string'],
  kind: ['string', 'enum'],
  flag: ['boolean'],
  version: NUMERIC,
  whole: NUMERIC,
  decimal: NUMERIC,
};

const OUTCOME = 'outcome';
const KIND = new TextEncoder().encode(OUTCOME);
const FIELDS = new Map(OUTCOME_FIELDS.map((field) => [field.name, field]));

/** A field of the schema, and the field of an outcome that it is, if any. */
interface Step {
  readonly type: AvroType;
  readonly field: OutcomeField | undefined;
  readonly isUnion: boolean;
  /** Of an outcome's field: the types that a value may have, by their order; undefined = not read here. */
  readonly branches: readonly (AvroType | undefined)[];
}

function stepOf({ name, type }: AvroField): Step {
  const field = FIELDS.get(name);
  const isUnion = type.typeName.startsWith('union');
  if (field === undefined) return { type, field, isUnion, branches: [] };
  // In a union of types that JavaScript cannot tell apart the decoder finds objects, not values.
  const isWrapped = type.typeName === 'union:wrapped';
  // Null in a union is a field left out; by itself it is a value, and of a wrong type.
  const readable = [...(isUnion ? ['null'] : []), ...TYPES_OF[field.form]];
  const types = isUnion ? (type.types ?? []) : [type];
  const branches = types.map((one) =>
    !isWrapped && readable.includes(one.typeName) ? one : undefined,
  );
  return { type, field, isUnion, branches };
}

/** The fields of the schema in their order; undefined when no message of it could be scanned. */
function stepsOf(fields: readonly AvroField[]): readonly Step[] | undefined {
  const steps = fields.map(stepOf);
  const bits = steps
    .filter(({ branches }) => branches.some((one) => one !== undefined))
    .reduce((all, { field }) => all | (field?.bit ?? 0), 0);
  return (bits & REQUIRED_BITS) === REQUIRED_BITS ? steps : undefined;
}

/**
 * Reads outcomes straight from the bytes of Avro messages of one schema: no text, no object is made.
 * Everything that is not a plain outcome, bad ones among it, is left to the decoder.
 * @returns undefined when no message of this schema can be scanned
 */
export function createAvroScanner(fields: readonly AvroField[]): OutcomeScanner | undefined {
  const steps = stepsOf(fields);
  if (steps === undefined) return undefined;
  const found = emptyOutcome();
  const { spans, numbers } = found;
  const cursor = new AvroCursor();

  function isKind({ typeName, symbols = [] }: AvroType): boolean {
    if (typeName === 'enum') return symbols[cursor.takeLong()] === OUTCOME;
    const from = cursor.takeBytes();
    if (cursor.at - from !== KIND.length) return false;
    for (let i = 0; i < KIND.length; i++) if (cursor.bytes[from + i] !== KIND[i]) return false;
    return true;
  }

  function take(field: OutcomeField, type: AvroType): boolean {
    switch (field.form) {
      case 'text': {
        const from = cursor.takeBytes();
        spans[field.index] = from;
        spans[field.index + 1] = cursor.at;
        return from >= 0 && isPlainText(cursor.bytes, from, cursor.at, field.least);
      }
      case 'decimal':
        return setDecimal(numbers, field.index, field.unit, cursor.takeNumber(type.typeName));
      case 'whole':
        return setWhole(numbers, field.index, field.most, cursor.takeNumber(type.typeName));
      case 'flag': {
        const flag = cursor.takeByte();
        numbers[field.index] = flag ?? 0;
        return flag === 0 || flag === 1;
      }
      case 'version':
        return cursor.takeNumber(type.typeName) === EVENT_VERSION;
      case 'kind':
        return isKind(type);
    }
  }

  return (bytes, start, end) => {
    cursor.start(bytes, start, end);
    spans.fill(0);
    numbers.fill(0);
    let seen = 0;
    for (const { type, field, isUnion, branches } of steps) {
      if (field === undefined) {
        if (!cursor.pass(type)) return undefined;
        continue;
      }
      const branch = branches[isUnion ? cursor.takeLong() : 0];
      if (branch === undefined) return undefined;
      if (branch.typeName === 'null') continue;
      if (!take(field, branch)) return undefined;
      seen |= field.bit;
    }
    if (!cursor.isAtEnd || (seen & REQUIRED_BITS) !== REQUIRED_BITS || !fitTogether(numbers))
      return undefined;
    found.bytes = bytes;
    return found;
  };
}
