import { LONGEST_ID } from './decode-event.ts';
import { EVENT_VERSION } from './event.ts';
import {
  emptyOutcome,
  fitTogether,
  OUTCOME_FIELDS,
  type OutcomeField,
  type OutcomeScanner,
  REQUIRED_BITS,
  setDecimal,
  setWhole,
} from './outcome-fields.ts';

const NAMES = OUTCOME_FIELDS.map(({ name }) => new TextEncoder().encode(name));
const NONE = new Uint8Array();

/** Whole numbers of so many digits, and powers of ten up to the 22nd, are exact in a double. */
const MOST_DIGITS = 15;
const TENTHS = Array.from({ length: MOST_DIGITS + 1 }, (_, i) => 10 ** i);
/** What stands beyond the bytes: no sign of JSON. */
const END = 0;
const [QUOTE, BACKSLASH, SPACE, COMMA, COLON, DOT] = [34, 92, 32, 44, 58, 46];
const [ZERO, NINE, OPEN, CLOSE, LAST_ASCII] = [48, 57, 123, 125, 126];
const KIND = new TextEncoder().encode('"outcome"');
const TRUE = new TextEncoder().encode('true');
const FALSE = new TextEncoder().encode('false');

/**
 * Reads outcomes straight from the bytes of their JSON: no text, no object is made. It knows the plain
 * form only (no escapes, exponents or nesting, no unknown members) and answers undefined for
 * everything else, bad events among it: those are `decodeEvent`'s. What it answers is what that gives.
 */
export function createOutcomeScanner(): OutcomeScanner {
  const found = emptyOutcome();
  const { spans, numbers } = found;
  /** The field that followed each field last time: producers write them in one order. */
  const following = new Int32Array(OUTCOME_FIELDS.length + 1);
  let bytes: Uint8Array = found.bytes;
  let at = 0;

  const skipSpaces = (): void => {
    while (bytes[at] === SPACE) at++;
  };
  const isNext = (word: Uint8Array): boolean => {
    for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false;
    at += word.length;
    return true;
  };
  /** Whether the name from `at` to a quote is this field's; goes behind the quote if so. */
  const isName = (i: number): boolean => {
    const name = NAMES[i] ?? NONE;
    if (bytes[at + name.length] !== QUOTE) return false;
    for (let k = 0; k < name.length; k++) if (bytes[at + k] !== name[k]) return false;
    at += name.length + 1;
    return true;
  };
  function fieldAfter(previous: number): number {
    const guess = following[previous] ?? 0;
    if (isName(guess)) return guess;
    for (let i = 0; i < OUTCOME_FIELDS.length; i++)
      if (isName(i)) {
        following[previous] = i;
        return i;
      }
    return -1;
  }

  function takeText(index: number, least: number): boolean {
    if (bytes[at] !== QUOTE) return false;
    const from = ++at;
    for (let byte = bytes[at] ?? END; byte !== QUOTE; byte = bytes[++at] ?? END)
      if (byte <= SPACE || byte > LAST_ASCII || byte === BACKSLASH) return false;
    const length = at - from;
    spans[index] = from;
    spans[index + 1] = at++;
    return length >= least && length <= LONGEST_ID;
  }

  /** A plain decimal, not negative, of at most 15 digits; NaN for any other. */
  function takeNumber(): number {
    const from = at;
    let value = 0;
    let byte = bytes[at] ?? END;
    for (; byte >= ZERO && byte <= NINE; byte = bytes[++at] ?? END)
      value = value * 10 + byte - ZERO;
    let digits = at - from;
    if (digits === 0 || (digits > 1 && bytes[from] === ZERO)) return Number.NaN;
    let places = 0;
    if (byte === DOT) {
      const dot = at;
      for (byte = bytes[++at] ?? END; byte >= ZERO && byte <= NINE; byte = bytes[++at] ?? END)
        value = value * 10 + byte - ZERO;
      places = at - dot - 1;
      if (places === 0) return Number.NaN;
      digits += places;
    }
    if (digits > MOST_DIGITS) return Number.NaN;
    return places === 0 ? value : value / (TENTHS[places] ?? Number.NaN);
  }

  function takeValue(field: OutcomeField): boolean {
    switch (field.form) {
      case 'text':
        return takeText(field.index, field.least);
      case 'decimal':
        return setDecimal(numbers, field.index, field.unit, takeNumber());
      case 'whole':
        return setWhole(numbers, field.index, field.most, takeNumber());
      case 'flag': {
        const isTrue = isNext(TRUE);
        numbers[field.index] = isTrue ? 1 : 0;
        return isTrue || isNext(FALSE);
      }
      case 'version':
        return takeNumber() === EVENT_VERSION;
      case 'kind':
        return isNext(KIND);
    }
  }

  return (from, start, end) => {
    bytes = from;
    at = start;
    spans.fill(0);
    numbers.fill(0);
    let seen = 0;
    let previous = OUTCOME_FIELDS.length;
    if (bytes[at++] !== OPEN) return undefined;
    for (;;) {
      skipSpaces();
      if (bytes[at++] !== QUOTE) return undefined;
      const i = fieldAfter(previous);
      previous = i;
      const field = OUTCOME_FIELDS[i];
      if (field === undefined) return undefined;
      skipSpaces();
      if (bytes[at++] !== COLON) return undefined;
      skipSpaces();
      if (!takeValue(field)) return undefined;
      seen |= field.bit;
      skipSpaces();
      const byte = bytes[at++];
      if (byte === COMMA) continue;
      if (byte === CLOSE) break;
      return undefined;
    }
    // Beyond `end` lies another record: an event without an end would run into it.
    if (at !== end || (seen & REQUIRED_BITS) !== REQUIRED_BITS || !fitTogether(numbers))
      return undefined;
    found.bytes = bytes;
    return found;
  };
}
