import type { DayKey } from '../core/index.ts';

/** Version of the event contract: fields, meaning, units. Readers accept this one and the one before. */
export const EVENT_VERSION = 1;

export const EVENT_KINDS = ['campaign', 'cart', 'conversion', 'outcome'] as const;

/** Money is kept in micro-units of the currency, predicted values in nano-units, both as integers. */
export const MICRO = 1_000_000;
export const NANO = 1_000_000_000;

interface Envelope {
  /** The producer's id; with `kind` the key by which duplicates are known. */
  readonly event_id: string;
  /** When it happened, ms since the epoch. */
  readonly event_time: number;
  readonly campaign_id: string;
}

/** A campaign's budget and status from `event_time` on. The first one of a day opens the day. */
export interface CampaignEvent extends Envelope {
  readonly kind: 'campaign';
  readonly advertiser_id: string;
  readonly task: string;
  /** The day whose budget this is; also the day the event is stored under. */
  readonly day: DayKey;
  /** Micro-units; the whole day's budget, not what is left. */
  readonly budget: number;
  readonly status: 'active' | 'paused';
  /** Micro-units per unit of the task's reward; 0 = none. */
  readonly cpa_limit: number;
}

/** One candidate in one auction, winner or loser. */
export interface OutcomeEvent extends Envelope {
  readonly kind: 'outcome';
  readonly auction_id: string;
  readonly task: string;
  /** Predicted value if exposed, nano-units of the task's reward. */
  readonly pv: number;
  /** Standard deviation of the prediction, nano-units; 0 = not known. */
  readonly pv_sigma: number;
  /** Micro-units. */
  readonly bid: number;
  /** Position won, 1..3; 0 = lost. */
  readonly slot: number;
  /** Whether the won position was shown. */
  readonly exposed: boolean;
  /** How many of the auction's positions were shown, 0..3 (a position is shown only if the ones above are); 0 = not known. */
  readonly shown: number;
  /** Price paid, micro-units; 0 unless exposed. */
  readonly cost: number;
  /** The others' three highest bids at or above the reserve, micro-units, descending; 0 = none. */
  readonly competing_1: number;
  readonly competing_2: number;
  readonly competing_3: number;
  /** The model version that made the bid; '' = another policy. */
  readonly model_version: string;
}

/** A sale attributed to an outcome; `event_time` is the sale's. */
export interface ConversionEvent extends Envelope {
  readonly kind: 'conversion';
  /** The `event_id` of the outcome. */
  readonly outcome_id: string;
  /** Micro-units. */
  readonly gmv: number;
  readonly direct_gmv: number;
  readonly order_id: string;
}

/** An add-to-cart attributed to an outcome. */
export interface CartEvent extends Envelope {
  readonly kind: 'cart';
  readonly outcome_id: string;
  readonly items: number;
}

export type AuctionEvent = CampaignEvent | OutcomeEvent | ConversionEvent | CartEvent;

/** What a task counts as its reward: a field of the conversion and cart events. */
export const REWARD_FIELDS = ['gmv', 'direct_gmv', 'items'] as const;
export type RewardField = (typeof REWARD_FIELDS)[number];

/** One kind of campaign. Tasks are configuration; no code names one. */
export interface TaskSpec {
  readonly id: string;
  readonly reward: RewardField;
  /** Currency units one unit of reward is worth: turns values and rewards into money. */
  readonly unitPrice: number;
}

/**
 * The columns of a stored event, the same in segments, sealed partitions and ClickHouse. Every
 * column is present in every row; a field the kind does not have is 0 or ''. Text is plain ASCII,
 * so that byte order is the one order of text everywhere.
 */
export const EVENT_COLUMNS = {
  campaign_id: 'text',
  event_time: 'int64',
  kind: 'text',
  event_id: 'text',
  arrival_ms: 'int64',
  advertiser_id: 'text',
  task: 'text',
  budget: 'int64',
  status: 'text',
  cpa_limit: 'int64',
  auction_id: 'text',
  pv: 'int64',
  pv_sigma: 'int64',
  bid: 'int64',
  slot: 'int64',
  exposed: 'int64',
  shown: 'int64',
  cost: 'int64',
  competing_1: 'int64',
  competing_2: 'int64',
  competing_3: 'int64',
  model_version: 'text',
  outcome_id: 'text',
  gmv: 'int64',
  direct_gmv: 'int64',
  order_id: 'text',
  items: 'int64',
} as const satisfies Record<string, 'text' | 'int64'>;

/** Where a stored row came from; in segments only, outside every digest. */
export const PROVENANCE_COLUMNS = {
  src_topic: 'text',
  src_partition: 'int64',
  src_offset: 'int64',
} as const satisfies Record<string, 'text' | 'int64'>;
