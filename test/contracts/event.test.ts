import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuctionEvent,
  decodeEvent,
  encodeEvent,
  EVENT_COLUMNS,
  EVENT_KINDS,
  MICRO,
  NANO,
} from '../../src/contracts/index.ts';
import { dayOf, isVamoError } from '../../src/core/index.ts';

const identifier = fc.stringMatching(/^[\x21-\x7e]{1,40}$/);
const optional = fc.stringMatching(/^[\x21-\x7e]{0,40}$/);
const millis = fc.integer({ min: 0, max: 8_640_000_000_000 });
/** Micro-units up to a thousand million units of currency. */
const money = fc.integer({ min: 0, max: 1e15 });
const value = fc.integer({ min: 0, max: 1e15 });
const envelope = { event_id: identifier, event_time: millis, campaign_id: identifier };

const campaign = fc.record({
  ...envelope,
  kind: fc.constant('campaign' as const),
  advertiser_id: optional,
  task: identifier,
  day: millis.map((ms) => dayOf(ms)),
  budget: money,
  status: fc.constantFrom('active' as const, 'paused' as const),
  cpa_limit: money,
});
const outcome = fc
  .record({
    ...envelope,
    kind: fc.constant('outcome' as const),
    auction_id: identifier,
    task: identifier,
    pv: value,
    pv_sigma: value,
    bid: money,
    slot: fc.nat(3),
    exposed: fc.boolean(),
    shown: fc.nat(3),
    cost: money,
    competing: fc.tuple(money, money, money).map((c) => c.sort((a, b) => b - a)),
    model_version: optional,
  })
  .map(({ competing, ...event }) => {
    const { slot, shown } = event;
    const exposed = slot > 0 && (shown > 0 ? slot <= shown : event.exposed);
    const [competing_1, competing_2, competing_3] = competing;
    const cost = exposed ? event.cost : 0;
    return { ...event, exposed, cost, competing_1, competing_2, competing_3 };
  });
const conversion = fc.record({
  ...envelope,
  kind: fc.constant('conversion' as const),
  outcome_id: identifier,
  gmv: money,
  direct_gmv: money,
  order_id: optional,
});
const cart = fc.record({
  ...envelope,
  kind: fc.constant('cart' as const),
  outcome_id: identifier,
  items: fc.integer({ min: 0, max: 1e9 }),
});
const event: fc.Arbitrary<AuctionEvent> = fc.oneof(campaign, outcome, conversion, cart);

const sample = (overrides: Record<string, unknown> = {}): Record<string, unknown> => ({
  ...{ v: 1, kind: 'outcome', event_id: 'o1', event_time: 1, campaign_id: 'c1', auction_id: 'a1' },
  ...{ task: 'store', pv: 0.4, bid: 1.25, slot: 1, exposed: true, shown: 2, cost: 0.75 },
  ...overrides,
});
const refusal = (json: unknown): { message: string; details: unknown } => {
  try {
    decodeEvent(json);
  } catch (error) {
    if (isVamoError(error, 'EVENT_INVALID')) return error;
    throw error;
  }
  throw new Error('was accepted');
};

describe('events on the wire', () => {
  it('come back as they were, through JSON text', () => {
    fc.assert(
      fc.property(event, (original) => {
        const wire: unknown = JSON.parse(JSON.stringify(encodeEvent(original)));
        expect(decodeEvent(wire)).toEqual(original);
      }),
      { numRuns: 400 },
    );
  });

  it('have decimals for money and values, and integers once read', () => {
    expect(decodeEvent(sample())).toMatchObject({
      pv: 0.4 * NANO,
      bid: 1.25 * MICRO,
      cost: 0.75 * MICRO,
      competing_1: 0,
      pv_sigma: 0,
      model_version: '',
    });
  });

  it('may carry fields nobody knows, which are dropped', () => {
    expect(decodeEvent(sample({ colour: 'red' }))).not.toHaveProperty('colour');
  });

  it('never carry another field than the stored columns', () => {
    fc.assert(
      fc.property(event, (original) => {
        const known = new Set([...Object.keys(EVENT_COLUMNS), 'day']);
        expect(Object.keys(original).filter((field) => !known.has(field))).toEqual([]);
      }),
    );
  });
});

describe('events that are refused', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['another version', { v: 2 }, 'v'],
    ['an unknown kind', { kind: 'click' }, 'kind'],
    ['an empty id', { event_id: '' }, 'event_id'],
    ['an id with a space', { event_id: 'a b' }, 'event_id'],
    ['an id that is not ASCII', { campaign_id: 'é' }, 'campaign_id'],
    ['an id of 129 characters', { event_id: 'x'.repeat(129) }, 'event_id'],
    ['a time that is not whole', { event_time: 1.5 }, 'event_time'],
    ['a time before the epoch', { event_time: -1 }, 'event_time'],
    ['a negative bid', { bid: -0.01 }, 'bid'],
    ['a bid as text', { bid: '1' }, 'bid'],
    ['money beyond what sums can hold', { bid: 1e10 }, 'bid'],
    ['a fourth slot', { slot: 4 }, 'slot'],
    ['a missing field', { auction_id: undefined }, 'auction_id'],
  ])('%s, naming the field', (_, change, field) => {
    const { message, details } = refusal(sample(change));
    expect(message).toMatch(new RegExp(`^${field}: `));
    expect(details).toEqual({ field, value: change[field] });
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['exposure of a lost auction', { slot: 0 }, /exposed: true but slot is 0/],
    ['a price without exposure', { exposed: false, shown: 0 }, /cost: 0\.75 but not exposed/],
    ['exposure below the last shown position', { slot: 3 }, /slot 3 of 2 shown/],
    ['a shown position that was not exposed', { exposed: false, cost: 0 }, /slot 1 of 2 shown/],
    [
      'competing bids that rise',
      { competing_1: 1, competing_2: 2 },
      /^competing_2: must not be above competing_1/,
    ],
    ['a third bid above none', { competing_3: 1 }, /^competing_3: must not be above competing_2/],
  ])('%s, because the fields contradict each other', (_, change, message) => {
    expect(refusal(sample(change)).message).toMatch(message);
  });

  it('a day the calendar does not have', () => {
    const json = {
      ...{ v: 1, kind: 'campaign', event_id: 'e', event_time: 1, campaign_id: 'c', task: 't' },
      ...{ day: '2026-02-30', budget: 1, status: 'active' },
    };
    expect(refusal(json).message).toBe('day: must be a day, YYYY-MM-DD');
  });

  it('anything that is not an event, in no other way than EVENT_INVALID', () => {
    const shaped = fc.dictionary(
      fc.constantFrom('v', ...Object.keys(EVENT_COLUMNS)),
      fc.jsonValue(),
    );
    const kinded = fc
      .tuple(shaped, fc.constantFrom(...EVENT_KINDS))
      .map(([fields, kind]) => ({ ...fields, kind, v: 1 }));
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), shaped, kinded), (json) => {
        try {
          decodeEvent(json);
        } catch (error) {
          expect(isVamoError(error, 'EVENT_INVALID')).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
