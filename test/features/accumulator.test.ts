import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dayOf, dayStartMs, seededRandom, STEP_MS, stepOf } from '../../src/core/index.ts';
import type { AuctionEvent, CampaignEvent, OutcomeEvent } from '../../src/contracts/index.ts';
import { createStepAccumulator } from '../../src/features/index.ts';
import { type ArrivedEvent, DAY, smallDay, stepsOf, TASKS } from '../helpers/eval-auction.ts';

const seeds = fc.integer({ min: 0, max: 1_000_000 });

/** The contract's definitions read off one by one, without any running state. */
function definition(
  events: readonly ArrivedEvent[],
  campaignId: string,
  column: string,
  step: number,
) {
  const own = events.filter((e) => e.event.campaign_id === campaignId);
  const states = own
    .map((e) => e.event)
    .filter((e): e is CampaignEvent => e.kind === 'campaign')
    .filter((e) => e.event_time <= dayStartMs(DAY) + step * STEP_MS)
    .sort((a, b) => a.event_time - b.event_time || (a.event_id < b.event_id ? -1 : 1));
  const outcomes = own.map((e) => e.event).filter((e): e is OutcomeEvent => e.kind === 'outcome');
  const here = outcomes.filter((o) => stepOf(o.event_time) === step && step < 96);
  const total = (xs: number[]) => xs.reduce((a, b) => a + b, 0);
  const earlier = total(outcomes.filter((o) => stepOf(o.event_time) < step).map((o) => o.cost));
  const rewards = (pick: (e: ArrivedEvent) => boolean) =>
    total(
      own.filter(pick).map(({ event: e }) => {
        if (e.kind === 'cart') return e.items * 1_000_000;
        return e.kind === 'conversion' ? e.gmv : 0;
      }),
    );
  const inDay = (e: ArrivedEvent) => dayOf(e.event.event_time) === DAY && step < 96;
  const made: Record<string, number> = {
    outcomes: here.length,
    pv: total(here.map((o) => o.pv)),
    bid: total(here.map((o) => o.bid)),
    wins: here.filter((o) => o.slot > 0).length,
    exposures: here.filter((o) => o.exposed).length,
    cost: total(here.map((o) => o.cost)),
    lwc: total(here.map((o) => Math.max(o.competing_3, 10_000))),
    pv_won: total(here.filter((o) => o.exposed).map((o) => o.pv)),
    reward_seen: rewards(
      (e) => inDay(e) && dayOf(e.arrivalMs) === DAY && stepOf(e.arrivalMs) === step,
    ),
    reward_attributed: rewards((e) => {
      const id = 'outcome_id' in e.event ? e.event.outcome_id : '';
      return inDay(e) && here.some((o) => o.event_id === id);
    }),
    budget: states.at(-1)?.budget ?? 0,
    remaining: (states.at(-1)?.budget ?? 0) - earlier,
    active: states.at(-1)?.status === 'active' ? 1 : 0,
  };
  return made[column];
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = seededRandom(seed);
  return items
    .map((item) => ({ item, key: random.next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

describe('createStepAccumulator', () => {
  it('gives the sums the contract defines, to the last integer', () => {
    const { events } = smallDay(3, { auctions: 60 });
    const day = stepsOf(events);
    expect(day.campaigns.map((c) => c.campaignId)).toEqual(['c00', 'c01', 'c02', 'c03', 'c04']);
    let seen = 0;
    for (const campaign of day.campaigns)
      for (const [name, column] of Object.entries(campaign.columns))
        column.forEach((value, step) => {
          if (value !== definition(events, campaign.campaignId, name, step))
            throw new Error(`${campaign.campaignId} ${name} ${step}: ${value}`);
          seen += name.startsWith('reward') ? value : 0;
        });
    expect(seen).toBeGreaterThan(0);
  });

  it('gives the same sums in any order and with duplicates', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { events } = smallDay(seed, { auctions: 60 });
        const again = shuffled([...events, ...events.slice(0, 40)], seed);
        expect(stepsOf(again)).toEqual(stepsOf(events));
      }),
      { numRuns: 15 },
    );
  });

  it('keeps the duplicate that arrived first, whichever is pushed first', () => {
    const { events } = smallDay(4, { auctions: 40 });
    const first = events.find((e) => e.event.kind === 'outcome')!;
    const altered: ArrivedEvent = {
      event: { ...first.event, pv: 999_000_000, slot: 0, exposed: false, cost: 0 } as AuctionEvent,
      arrivalMs: first.arrivalMs + 1,
    };
    expect(stepsOf([altered, ...events])).toEqual(stepsOf(events));
    const earlier = { ...altered, arrivalMs: first.arrivalMs - 1 };
    const rest = events.filter((e) => e !== first);
    expect(stepsOf([...events, earlier])).toEqual(stepsOf([earlier, ...rest]));
  });

  it('settles duplicates that arrived together by their payload, not by their order', () => {
    const { events } = smallDay(4, { auctions: 40 });
    const first = events.find((e) => e.event.kind === 'outcome')!;
    const twin: ArrivedEvent = {
      event: { ...first.event, pv: 999_000_000 } as AuctionEvent,
      arrivalMs: first.arrivalMs,
    };
    const rest = events.filter((e) => e !== first);
    expect(stepsOf([...rest, first, twin])).toEqual(stepsOf([...rest, twin, first]));
  });

  it('ignores events of another day and campaigns without a campaign event', () => {
    const { events } = smallDay(5, { auctions: 40 });
    const outcome = events.find((e) => e.event.kind === 'outcome')!;
    const foreign = { ...outcome.event, event_id: 'f', campaign_id: 'nobody' } as AuctionEvent;
    const late = {
      ...outcome.event,
      event_id: 'l',
      event_time: dayStartMs(DAY) + 96 * STEP_MS,
    } as AuctionEvent;
    const more = [foreign, late].map((event) => ({ event, arrivalMs: outcome.arrivalMs }));
    expect(stepsOf([...events, ...more])).toEqual(stepsOf(events));
  });

  it('sees a reward at its arrival and not after the day, and attributes it to its outcome', () => {
    const { events } = smallDay(7, { auctions: 40, changes: false });
    const without = events.filter((e) => e.event.kind === 'campaign' || e.event.kind === 'outcome');
    const outcome = without.find((e) => e.event.kind === 'outcome')!.event;
    const cart: AuctionEvent = {
      kind: 'cart',
      event_id: 'late',
      event_time: outcome.event_time + STEP_MS,
      campaign_id: 'c01',
      outcome_id: without.find((e) => e.event.event_id.endsWith('-c01'))!.event.event_id,
      items: 2,
    };
    const rewards = (arrivalMs: number) => {
      const columns = stepsOf([...without, { event: cart, arrivalMs }]).campaigns[1]!.columns;
      return {
        seen: columns.reward_seen.findIndex((x) => x === 2e6),
        attributed: columns.reward_attributed.reduce((a, b) => a + b, 0),
      };
    };
    const startMs = dayStartMs(DAY);
    expect(rewards(startMs + 50 * STEP_MS)).toEqual({ seen: 50, attributed: 2e6 });
    expect(rewards(startMs + 96 * STEP_MS + 1)).toEqual({ seen: -1, attributed: 2e6 });
  });

  it('counts steps in the platform zone', () => {
    const accumulator = createStepAccumulator({
      day: DAY,
      utcOffsetMinutes: 480,
      reserve: 0.01,
      tasks: TASKS,
    });
    const { events } = smallDay(6, { auctions: 20, changes: false });
    for (const { event } of events) {
      const moved = { ...event, event_time: event.event_time - 480 * 60_000 };
      accumulator.push(moved, moved.event_time);
    }
    const local = accumulator.daySteps().campaigns[0]!.columns.outcomes;
    expect(local).toEqual(stepsOf(events).campaigns[0]!.columns.outcomes);
    expect(accumulator.campaignSteps('c00')?.columns.outcomes).toEqual(local);
    expect(accumulator.campaignSteps('c99')).toBeUndefined();
  });
});
