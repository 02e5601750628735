import type { AuctionEvent } from '../../contracts/index.ts';
import { VamoError } from '../../core/index.ts';
import { numberOf } from './expression.ts';
import type { Cell } from './line-reader.ts';

type FieldType = 'text' | 'number' | 'boolean';
interface FieldRule {
  readonly type: FieldType;
  readonly required: boolean;
}

const text: FieldRule = { type: 'text', required: true };
const number: FieldRule = { type: 'number', required: true };
const flag: FieldRule = { type: 'boolean', required: true };
const optional = (rule: FieldRule): FieldRule => ({ ...rule, required: false });

/** `event_time` and a campaign event's `day` come from the mapping's `time` unless they are given. */
const envelope = { event_id: text, campaign_id: text, event_time: optional(number) };

/** What a mapping must say, and may say, of each kind of event; in the event's wire form. */
export const EVENT_FIELDS: Readonly<
  Record<AuctionEvent['kind'], Readonly<Record<string, FieldRule>>>
> = {
  campaign: {
    ...envelope,
    task: text,
    day: optional(text),
    budget: number,
    status: text,
    advertiser_id: optional(text),
    cpa_limit: optional(number),
  },
  outcome: {
    ...envelope,
    auction_id: text,
    task: text,
    pv: number,
    pv_sigma: optional(number),
    bid: number,
    slot: number,
    exposed: flag,
    shown: optional(number),
    cost: number,
    competing_1: optional(number),
    competing_2: optional(number),
    competing_3: optional(number),
    model_version: optional(text),
  },
  conversion: {
    ...envelope,
    outcome_id: text,
    gmv: number,
    direct_gmv: optional(number),
    order_id: optional(text),
  },
  cart: { ...envelope, outcome_id: text, items: number },
};

const FLAGS: Readonly<Record<string, boolean>> = { 1: true, 0: false, true: true, false: false };

/**
 * A cell as a field of its type.
 * @throws VamoError EVENT_INVALID
 */
export function fieldValue(cell: Cell, type: FieldType, path: string): string | number | boolean {
  const unfit = (must: string): VamoError =>
    new VamoError('EVENT_INVALID', `${path}: ${must}`, { details: { field: path } });
  if (cell === null) throw unfit('has no value');
  if (type === 'text') return String(cell);
  if (type === 'number') {
    const value = numberOf(cell);
    if (Number.isNaN(value)) throw unfit('must be a number');
    return value;
  }
  const value = FLAGS[String(cell)] ?? FLAGS[String(numberOf(cell))];
  if (value === undefined) throw unfit('must be true, false, 1 or 0');
  return value;
}
