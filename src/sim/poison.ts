import { type AuctionEvent, encodeEvent } from '../contracts/index.ts';

/** Ways in which producers go wrong; each must end in the dead letters with its reason. */
const SPOILERS: readonly ((event: AuctionEvent) => string)[] = [
  (event) => JSON.stringify(encodeEvent(event)).slice(0, 40),
  (event) => JSON.stringify({ ...encodeEvent(event), event_id: undefined }),
  (event) => JSON.stringify({ ...encodeEvent(event), v: 99 }),
  (event) => JSON.stringify({ ...encodeEvent(event), kind: 'unheard-of' }),
  (event) => JSON.stringify({ ...encodeEvent(event), event_time: 'yesterday' }),
  (event) => JSON.stringify({ ...encodeEvent(event), campaign_id: 'Kampagne Nr. 1 für alle' }),
  (event) => JSON.stringify({ ...encodeEvent(event), bid: -1, budget: -1, gmv: -1, items: -1 }),
  () => 'null',
  () => '',
];

/** The text of the n-th bad record of a day, made from a good event. */
export function poison(n: number, event: AuctionEvent): string {
  return SPOILERS[n % SPOILERS.length]?.(event) ?? '';
}
