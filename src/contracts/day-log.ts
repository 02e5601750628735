/**
 * What replay needs of one campaign's day, from a sealed partition: parallel arrays over its
 * outcomes in canonical order (event_time, then event_id), integers in the units of the event
 * contract, and its campaign events in the same order.
 */
export interface CampaignLog {
  readonly campaignId: string;
  readonly advertiserId: string;
  readonly task: string;
  readonly campaignEvents: readonly {
    readonly eventTime: number;
    readonly budget: number;
    readonly active: boolean;
  }[];
  readonly outcomes: {
    readonly count: number;
    readonly eventTime: Float64Array;
    readonly pv: Float64Array;
    readonly bid: Float64Array;
    readonly slot: Uint8Array;
    readonly exposed: Uint8Array;
    readonly shown: Uint8Array;
    readonly cost: Float64Array;
    readonly competing1: Float64Array;
    readonly competing2: Float64Array;
    readonly competing3: Float64Array;
  };
}

/** Campaigns with a campaign event that day, by campaignId in byte order. */
export interface DayLog {
  readonly day: string;
  /** First millisecond of the day. */
  readonly startMs: number;
  readonly campaigns: readonly CampaignLog[];
}
