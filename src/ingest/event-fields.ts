import type { AuctionEvent } from '../contracts/index.ts';

export type FieldType = 'text' | 'number' | 'boolean';
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

/** What must stand, and may stand, in each kind of event's wire form, beside `v` and `kind`. */
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
