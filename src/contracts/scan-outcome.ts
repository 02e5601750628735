import { LARGEST, LATEST_MS, POSITIONS } from './decode-event.ts';
import { EVENT_VERSION, MICRO, NANO } from './event.ts';

/** Where in `spans` each text of an outcome has its start; its end follows. */
export const SPAN_OF = {
  event_id: 0,
  campaign_id: 2,
  auction_id: 4,
  task: 6,
  model_version: 8,
} as const;
/** Where in `numbers` each number of an outcome is, in storage units. */
export const NUMBER_OF = {
  event_time: 0,
  pv: 1,
  pv_sigma: 2,
  bid: 3,
  slot: 4,
  exposed: 5,
  shown: 6,
  cost: 7,
  competing_1: 8,
  competing_2: 9,
  competing_3: 10,
} as const;

/** An outcome as places in the bytes it was read from. One object is filled again and again. */
export interface ScannedOutcome {
  bytes: Uint8Array;
  /** Start and end of each text; equal where it is left out. */
  readonly spans: Int32Array;
  readonly numbers: Float64Array;
}

/** How a field is written and checked; `unit` turns decimals into storage. */
type Field =
  | { readonly form: 'text'; readonly index: number; readonly least: number }
  | { readonly form: 'whole'; readonly index: number; readonly most: number }
  | { readonly form: 'decimal'; readonly index: number; readonly unit: number }
  | { readonly form: 'flag'; readonly index: number }
  | { readonly form: 'version' | 'kind' };

const text = (name: keyof typeof SPAN_OF, least = 1): Field => ({
  form: 'text',
  index: SPAN_OF[name],
  least,
});
const decimal = (name: keyof typeof NUMBER_OF, unit: number): Field => ({
  form: 'decimal',
  index: NUMBER_OF[name],
  unit,
});
const whole = (name: keyof typeof NUMBER_OF, most: number): Field => ({
  form: 'whole',
  index: NUMBER_OF[name],
  most,
});

interface NamedField {
  readonly name: Uint8Array;
  readonly field: Field;
  readonly bit: number;
}
const named = (name: string, field: Field, i: number): NamedField => ({
  name: new TextEncoder().encode(name),
  field,
  bit: 1 << i,
});
const REQUIRED: readonly NamedField[] = [
  named('v', { form: 'version' }, 0),
  named('kind', { form: 'kind' }, 1),
  named('event_id', text('event_id'), 2),
  named('event_time', whole('event_time', LATEST_MS), 3),
  named('campaign_id', text('campaign_id'), 4),
  named('auction_id', text('auction_id'), 5),
  named('task', text('task'), 6),
  named('pv', decimal('pv', NANO), 7),
  named('bid', decimal('bid', MICRO), 8),
  named('slot', whole('slot', POSITIONS), 9),
  named('exposed', { form: 'flag', index: NUMBER_OF.exposed }, 10),
  named('cost', decimal('cost', MICRO), 11),
];
const ALL_REQUIRED = (1 << REQUIRED.length) - 1;
const FIELDS: readonly NamedField[] = [
  ...REQUIRED,
  named('pv_sigma', decimal('pv_sigma', NANO), 12),
  named('shown', whole('shown', POSITIONS), 13),
  named('competing_1', decimal('competing_1', MICRO), 14),
  named('competing_2', decimal('competing_2', MICRO), 15),
  named('competing_3', decimal('competing_3', MICRO), 16),
  named('model_version', text('model_version', 0), 17),
];

const NAMES = FIELDS.map(({ name }) => name);
const NONE = new Uint8Array();

const LONGEST_TEXT = 128;
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

/** The rules of `decodeEvent` for fields that are each valid but cannot be true together. */
function fitTogether(n: Float64Array): boolean {
  const slot = n[NUMBER_OF.slot] ?? 0;
  const isExposed = n[NUMBER_OF.exposed] === 1;
  const shown = n[NUMBER_OF.shown] ?? 0;
  const second = n[NUMBER_OF.competing_2] ?? 0;
  if (isExposed && slot === 0) return false;
  if (!isExposed && n[NUMBER_OF.cost] !== 0) return false;
  if (shown > 0 && slot > 0 && isExposed !== slot <= shown) return false;
  return second <= (n[NUMBER_OF.competing_1] ?? 0) && (n[NUMBER_OF.competing_3] ?? 0) <= second;
}

/**
 * Reads outcomes straight from the bytes of their JSON: no text, no object is made. It knows the plain
 * form only (no escapes, exponents or nesting, no unknown members) and answers undefined for
 * everything else, bad events among it: those are `decodeEvent`'s. What it answers is what that gives.
 * The answer holds until the next call.
 */
export function createOutcomeScanner(): (
  bytes: Uint8Array,
  start: number,
  end: number,
) => ScannedOutcome | undefined {
  const spans = new Int32Array(2 * Object.keys(SPAN_OF).length);
  const numbers = new Float64Array(Object.keys(NUMBER_OF).length);
  const found: ScannedOutcome = { bytes: new Uint8Array(), spans, numbers };
  /** The field that followed each field last time: producers write them in one order. */
  const following = new Int32Array(FIELDS.length + 1);
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
    for (let i = 0; i < FIELDS.length; i++)
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
    return length >= least && length <= LONGEST_TEXT;
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

  function takeValue(field: Field): boolean {
    switch (field.form) {
      case 'text':
        return takeText(field.index, field.least);
      case 'decimal': {
        const value = takeNumber();
        numbers[field.index] = Math.round(value * field.unit);
        return value <= LARGEST / field.unit;
      }
      case 'whole': {
        const value = takeNumber();
        numbers[field.index] = value;
        return value <= field.most && Number.isInteger(value);
      }
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
    let previous = FIELDS.length;
    if (bytes[at++] !== OPEN) return undefined;
    for (;;) {
      skipSpaces();
      if (bytes[at++] !== QUOTE) return undefined;
      const i = fieldAfter(previous);
      previous = i;
      const named = FIELDS[i];
      if (named === undefined) return undefined;
      const { field, bit } = named;
      skipSpaces();
      if (bytes[at++] !== COLON) return undefined;
      skipSpaces();
      if (!takeValue(field)) return undefined;
      seen |= bit;
      skipSpaces();
      const byte = bytes[at++];
      if (byte === COMMA) continue;
      if (byte === CLOSE) break;
      return undefined;
    }
    // Beyond `end` lies another record: an event without an end would run into it.
    if (at !== end || (seen & ALL_REQUIRED) !== ALL_REQUIRED || !fitTogether(numbers))
      return undefined;
    found.bytes = bytes;
    return found;
  };
}
