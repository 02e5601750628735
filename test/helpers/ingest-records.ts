import { type AuctionEvent, encodeEvent, type SourceRecord } from '../../src/contracts/index.ts';
import { dayOf, dayStartMs, dayKey, seededRandom } from '../../src/core/index.ts';

export const TASKS = [{ id: 'store' }, { id: 'cart' }];
const START = dayStartMs(dayKey('2026-01-05'));

/** An outcome with everything in its place. */
export function outcomeEvent(over: Partial<Extract<AuctionEvent, { kind: 'outcome' }>> = {}) {
  return {
    kind: 'outcome',
    event_id: 'o-1',
    event_time: START + 1000,
    campaign_id: 'c-1',
    auction_id: 'a-1',
    task: 'store',
    pv: 123_456_789,
    pv_sigma: 0,
    bid: 1_500_000,
    slot: 1,
    exposed: true,
    shown: 3,
    cost: 900_000,
    competing_1: 800_000,
    competing_2: 700_000,
    competing_3: 0,
    model_version: '',
    ...over,
  } satisfies AuctionEvent;
}

export function recordOf(event: AuctionEvent, arrivalMs = event.event_time): SourceRecord {
  return { key: event.campaign_id, arrivalMs, value: JSON.stringify(encodeEvent(event)) };
}

const POISON = ['{"v":1,"kind":"outc', 'null', '{"v":1,"kind":"click","event_id":"x"}', '"text"'];

/**
 * `count` records in order of arrival over two days and a bit: all kinds, a few records twice, and
 * every `poisonEvery`th one bad. `good` are the indices of those to be stored.
 */
export function makeRecords(count: number, options: { seed?: number; poisonEvery?: number } = {}) {
  const { seed = 1, poisonEvery = 97 } = options;
  const random = seededRandom(seed, 0x7ec0);
  const records: SourceRecord[] = [];
  const good: number[] = [];
  for (let i = 0; i < count; i++) {
    const event_time = START + Math.floor((i * 2.1 * 86_400_000) / count);
    const arrivalMs = event_time + 50;
    const campaign_id = `c-${random.below(20)}`;
    const id = `${i}-${random.uint32().toString(36)}`;
    if (i % poisonEvery === poisonEvery - 1) {
      const value = POISON[random.below(POISON.length)]!;
      records.push({ key: campaign_id, arrivalMs, value });
      continue;
    }
    good.push(i);
    if (i > 10 && random.next() < 0.01) {
      const again = records[good[good.length - 1 - 5]!]!;
      records.push({ ...again, arrivalMs });
      continue;
    }
    records.push(recordOf(anyEvent(i, id, event_time, campaign_id, random), arrivalMs));
  }
  return { records, good };
}

function anyEvent(
  i: number,
  id: string,
  event_time: number,
  campaign_id: string,
  random: ReturnType<typeof seededRandom>,
): AuctionEvent {
  const envelope = { event_id: id, event_time, campaign_id };
  const kind = i % 50;
  if (kind === 0)
    return {
      ...envelope,
      kind: 'campaign',
      advertiser_id: 'adv-1',
      task: 'store',
      day: dayOf(event_time + 3_600_000),
      budget: random.below(1e9),
      status: 'active',
      cpa_limit: 0,
    };
  if (kind === 1)
    return {
      ...envelope,
      kind: 'conversion',
      outcome_id: 'o-1',
      gmv: 5_000_000,
      direct_gmv: 0,
      order_id: '',
    };
  if (kind === 2)
    return { ...envelope, kind: 'cart', outcome_id: 'o-1', items: 1 + random.below(4) };
  const bid = random.below(3_000_000);
  return outcomeEvent({ ...envelope, auction_id: `a-${i >> 2}`, pv: random.below(1e9), bid });
}
