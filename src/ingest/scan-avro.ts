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
import type { AvroType, RegisteredSchema } from './registry.ts';

const NUMERIC = ['int', 'long', 'float', 'double'];
/** What a field of an outcome may be in a schema; as any other type it is left to the decoder. */
const TYPES_OF: Readonly<Record<OutcomeField['form'], readonly string[]>> = {
  text: ['string'],
  kind: ['string', 'enum'],
  flag: ['boolean'],
  version: NUMERIC,
  whole: NUMERIC,
  decimal: NUMERIC,
};
/** Types whose length is known, or stands before them: what no outcome has can be passed over. */
const PASSED = [...NUMERIC, 'null', 'boolean', 'string', 'bytes', 'enum'];

const OUTCOME = 'outcome';
const KIND = new TextEncoder().encode(OUTCOME);
const FIELDS = new Map(OUTCOME_FIELDS.map((field) => [field.name, field]));
/** A varint of so many bytes is exact in a double. */
const MOST_VARINT_BYTES = 7;

/** One of the types that a value may have. */
interface Branch {
  readonly type: string;
  /** Whether a value of it can be read, or passed over, here. */
  readonly known: boolean;
  /** Of an enumeration. */
  readonly symbols: readonly string[];
}

interface Step {
  readonly field: OutcomeField | undefined;
  readonly isUnion: boolean;
  readonly branches: readonly Branch[];
}

/** A field and the types it may have, by their order in the schema. */
function stepOf(name: string, type: AvroType): Step {
  const field = FIELDS.get(name);
  const isUnion = type.typeName.startsWith('union');
  // In a union of types that JavaScript cannot tell apart the decoder finds objects, not values.
  const isWrapped = type.typeName === 'union:wrapped' && field !== undefined;
  // Null in a union is a field left out; by itself it is a value, and of a wrong type.
  const readable =
    field === undefined ? PASSED : [...(isUnion ? ['null'] : []), ...TYPES_OF[field.form]];
  const branches = (isUnion ? (type.types ?? []) : [type]).map(({ typeName, symbols = [] }) => ({
    type: typeName,
    known: !isWrapped && readable.includes(typeName),
    symbols,
  }));
  return { field, isUnion, branches };
}

/** The fields of the schema in their order; undefined when no message of it could be scanned. */
function stepsOf({ fields = [] }: RegisteredSchema): readonly Step[] | undefined {
  const steps = fields.map(({ name, type }) => stepOf(name, type));
  const named = steps.reduce((bits, { field }) => bits | (field?.bit ?? 0), 0);
  const reads = steps.every(({ branches }) => branches.some(({ known }) => known));
  return reads && (named & REQUIRED_BITS) === REQUIRED_BITS ? steps : undefined;
}

/**
 * Reads outcomes straight from the bytes of Avro messages of one schema: no text, no object is made.
 * Everything that is not a plain outcome, bad ones among it, is left to the decoder. Encoding: Apache
 * Avro 1.12, "Binary encoding". @returns undefined when no message of this schema can be scanned
 */
export function createAvroScanner(schema: RegisteredSchema): OutcomeScanner | undefined {
  const steps = stepsOf(schema);
  if (steps === undefined) return undefined;
  const found = emptyOutcome();
  const { spans, numbers } = found;
  let bytes: Uint8Array = found.bytes;
  let view = new DataView(bytes.buffer);
  let at = 0;
  let end = 0;

  /** A zigzag varint; NaN for one that is cut off or too long to be exact. */
  function takeLong(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < MOST_VARINT_BYTES && at < end; i++) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
    return Number.NaN;
  }

  function takeNumber(type: string): number {
    if (type === 'int' || type === 'long') return takeLong();
    const from = at;
    at += type === 'double' ? 8 : 4;
    if (at > end) return Number.NaN;
    return type === 'double' ? view.getFloat64(from, true) : view.getFloat32(from, true);
  }

  /** Goes behind a text or bytes. @returns where they begin; -1 when they do not fit */
  function takeBytes(): number {
    const length = takeLong();
    if (!(length >= 0 && length <= end - at)) return -1;
    at += length;
    return at - length;
  }

  function isKind({ type, symbols }: Branch): boolean {
    if (type === 'enum') return symbols[takeLong()] === OUTCOME;
    const from = takeBytes();
    if (at - from !== KIND.length) return false;
    for (let i = 0; i < KIND.length; i++) if (bytes[from + i] !== KIND[i]) return false;
    return true;
  }

  function take(field: OutcomeField, branch: Branch): boolean {
    switch (field.form) {
      case 'text': {
        const from = takeBytes();
        spans[field.index] = from;
        spans[field.index + 1] = at;
        return from >= 0 && isPlainText(bytes, from, at, field.least);
      }
      case 'decimal':
        return setDecimal(numbers, field.index, field.unit, takeNumber(branch.type));
      case 'whole':
        return setWhole(numbers, field.index, field.most, takeNumber(branch.type));
      case 'flag': {
        const flag = at < end ? bytes[at++] : undefined;
        numbers[field.index] = flag ?? 0;
        return flag === 0 || flag === 1;
      }
      case 'version':
        return takeNumber(branch.type) === EVENT_VERSION;
      case 'kind':
        return isKind(branch);
    }
  }

  /** Goes behind a value that no outcome has. @returns whether it fits */
  function pass({ type, symbols }: Branch): boolean {
    if (type === 'string' || type === 'bytes') return takeBytes() >= 0;
    if (type === 'enum') return symbols[takeLong()] !== undefined;
    if (type === 'int' || type === 'long') return !Number.isNaN(takeLong());
    at += { boolean: 1, float: 4, double: 8 }[type] ?? 0;
    return at <= end;
  }

  return (from, start, stop) => {
    if (bytes !== from) view = new DataView(from.buffer, from.byteOffset, from.byteLength);
    bytes = from;
    at = start;
    end = stop;
    spans.fill(0);
    numbers.fill(0);
    let seen = 0;
    for (const { field, isUnion, branches } of steps) {
      const branch = branches[isUnion ? takeLong() : 0];
      if (branch?.known !== true) return undefined;
      if (branch.type === 'null') continue;
      if (field === undefined) {
        if (!pass(branch)) return undefined;
        continue;
      }
      if (!take(field, branch)) return undefined;
      seen |= field.bit;
    }
    if (at !== end || (seen & REQUIRED_BITS) !== REQUIRED_BITS || !fitTogether(numbers))
      return undefined;
    found.bytes = bytes;
    return found;
  };
}
