import { LARGEST, LATEST_MS, LONGEST_ID, POSITIONS } from './decode-event.ts';
import { MICRO, NANO } from './event.ts';

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

/**
 * Reads an outcome from where it lies in bytes; undefined = whatever it is, the decoder must say. What
 * it answers holds until the next call.
 */
export type OutcomeScanner = (
  bytes: Uint8Array,
  start: number,
  end: number,
) => ScannedOutcome | undefined;

export const emptyOutcome = (): ScannedOutcome => ({
  bytes: new Uint8Array(),
  spans: new Int32Array(2 * Object.keys(SPAN_OF).length),
  numbers: new Float64Array(Object.keys(NUMBER_OF).length),
});

/** How a field is checked; `unit` turns decimals into storage. */
type FieldForm =
  | { readonly form: 'text'; readonly index: number; readonly least: number }
  | { readonly form: 'whole'; readonly index: number; readonly most: number }
  | { readonly form: 'decimal'; readonly index: number; readonly unit: number }
  | { readonly form: 'flag'; readonly index: number }
  | { readonly form: 'version' | 'kind' };

/** A member of an outcome's wire form. */
export type OutcomeField = FieldForm & {
  readonly name: string;
  /** Its own bit, to tell which fields were there. */
  readonly bit: number;
};

const text = (name: keyof typeof SPAN_OF, least = 1): FieldForm => ({
  form: 'text',
  index: SPAN_OF[name],
  least,
});
const decimal = (name: keyof typeof NUMBER_OF, unit: number): FieldForm => ({
  form: 'decimal',
  index: NUMBER_OF[name],
  unit,
});
const whole = (name: keyof typeof NUMBER_OF, most: number): FieldForm => ({
  form: 'whole',
  index: NUMBER_OF[name],
  most,
});

const REQUIRED: readonly (readonly [string, FieldForm])[] = [
  ['v', { form: 'version' }],
  ['kind', { form: 'kind' }],
  ['event_id', text('event_id')],
  ['event_time', whole('event_time', LATEST_MS)],
  ['campaign_id', text('campaign_id')],
  ['auction_id', text('auction_id')],
  ['task', text('task')],
  ['pv', decimal('pv', NANO)],
  ['bid', decimal('bid', MICRO)],
  ['slot', whole('slot', POSITIONS)],
  ['exposed', { form: 'flag', index: NUMBER_OF.exposed }],
  ['cost', decimal('cost', MICRO)],
];

const OPTIONAL: readonly (readonly [string, FieldForm])[] = [
  ['pv_sigma', decimal('pv_sigma', NANO)],
  ['shown', whole('shown', POSITIONS)],
  ['competing_1', decimal('competing_1', MICRO)],
  ['competing_2', decimal('competing_2', MICRO)],
  ['competing_3', decimal('competing_3', MICRO)],
  ['model_version', text('model_version', 0)],
];

/** All fields of an outcome, by the rules of `decodeEvent`. */
export const OUTCOME_FIELDS: readonly OutcomeField[] = [...REQUIRED, ...OPTIONAL].map(
  ([name, form], i) => ({ name, bit: 1 << i, ...form }),
);
/** The bits of the fields that must be there. */
export const REQUIRED_BITS = (1 << REQUIRED.length) - 1;

/** Keeps a decimal in storage units. @returns whether it may stand in an event */
export function setDecimal(n: Float64Array, index: number, unit: number, value: number): boolean {
  n[index] = Math.round(value * unit);
  return value >= 0 && value <= LARGEST / unit;
}

/** Keeps a whole number. @returns whether it may stand in an event */
export function setWhole(n: Float64Array, index: number, most: number, value: number): boolean {
  n[index] = value;
  return value >= 0 && value <= most && Number.isInteger(value);
}

/** Whether a text may stand in an event: printable ASCII without blanks. */
export function isPlainText(bytes: Uint8Array, from: number, to: number, least: number): boolean {
  if (to - from < least || to - from > LONGEST_ID) return false;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < 0x21 || byte > 0x7e) return false;
  }
  return true;
}

/** The rules of `decodeEvent` for fields that are each valid but cannot be true together. */
export function fitTogether(n: Float64Array): boolean {
  const slot = n[NUMBER_OF.slot] ?? 0;
  const isExposed = n[NUMBER_OF.exposed] === 1;
  const shown = n[NUMBER_OF.shown] ?? 0;
  const second = n[NUMBER_OF.competing_2] ?? 0;
  if (isExposed && slot === 0) return false;
  if (!isExposed && n[NUMBER_OF.cost] !== 0) return false;
  if (shown > 0 && slot > 0 && isExposed !== slot <= shown) return false;
  return second <= (n[NUMBER_OF.competing_1] ?? 0) && (n[NUMBER_OF.competing_3] ?? 0) <= second;
}
