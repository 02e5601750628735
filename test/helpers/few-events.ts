import type { AuctionEvent, PartitionManifest } from '../../src/contracts/index.ts';
import { type ObjectStore, readDaySteps } from '../../src/store/index.ts';
import { type Arrival, DAY, START } from './days-fixture.ts';

export const HOUR = 3_600_000;

const envelope = (event_id: string, event_time: number) => ({
  event_id,
  event_time,
  campaign_id: 'c',
});
/** The one campaign of these events. */
export const campaign: AuctionEvent = {
  ...envelope('k', START),
  kind: 'campaign',
  advertiser_id: 'a',
  task: 'store',
  day: DAY,
  budget: 9e9,
  status: 'active',
  cpa_limit: 0,
};
export const outcome = (id: string, time: number): AuctionEvent => ({
  ...envelope(id, time),
  kind: 'outcome',
  auction_id: `q-${id}`,
  task: 'store',
  pv: 1,
  pv_sigma: 0,
  bid: 1,
  slot: 1,
  exposed: true,
  shown: 1,
  cost: 0,
  competing_1: 0,
  competing_2: 0,
  competing_3: 0,
  model_version: '',
});
export const conversion = (
  id: string,
  time: number,
  outcome_id: string,
  gmv: number,
): AuctionEvent => ({
  ...envelope(id, time),
  kind: 'conversion',
  outcome_id,
  gmv,
  direct_gmv: 0,
  order_id: '',
});
/** A record that arrived a millisecond after it happened, or then. */
export const at = (event: AuctionEvent, arrivalMs = event.event_time + 1): Arrival => ({
  event,
  arrivalMs,
});

/** A day's sums of a column, by step; zeros left out. */
export async function column(
  store: ObjectStore,
  manifest: PartitionManifest,
  name: 'reward_seen' | 'reward_attributed',
): Promise<Record<string, number>> {
  const { campaigns } = await readDaySteps(store, manifest);
  const found = [...campaigns[0]!.columns[name]].map((sum, step) => [step, sum] as const);
  return Object.fromEntries(found.filter(([, sum]) => sum !== 0));
}
