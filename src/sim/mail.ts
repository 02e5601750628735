import { DAY_MS, dayOf, type Random } from '../core/index.ts';
import {
  type AuctionEvent,
  type DayCounts,
  encodeEvent,
  MICRO,
  type SourceRecord,
} from '../contracts/index.ts';
import { type Carry, NO_COUNTS } from './carry.ts';
import type { DayMarket } from './day-market.ts';
import { arrivalDelay } from './reward.ts';
import type { World } from './settings.ts';

type Counts = { -readonly [K in keyof DayCounts]: number };

/** Share of duplicates whose payload differs from the first one's. */
const CLASH_SHARE = 0.1;

/** The way of a day's events to the log: when each arrives, what is repeated, what counts. */
export interface Mail {
  /** Final arrival of an event that would come at `arrivalMs`. */
  clamp(arrivalMs: number): number;
  /** Arrival of an event that happens at `eventMs`, faults included. */
  arrival(eventMs: number, random: Random): number;
  /** Counts an event of this day's partition, or the next one's; true when it comes before the cut. */
  count(eventMs: number, arrivalMs: number): boolean;
  /** Sends an event again now and then. */
  maybeRepeat(event: () => AuctionEvent, arrivalMs: number, random: Random): void;
  send(event: AuctionEvent, arrivalMs: number): void;
  sendPoison(record: SourceRecord): void;
  readonly sent: readonly SourceRecord[];
  readonly today: DayCounts;
  readonly tomorrow: DayCounts;
}

/** A repeat of an event; some with another payload, as faulty producers send. */
function repeated(event: AuctionEvent, clash: boolean): AuctionEvent {
  if (!clash) return event;
  switch (event.kind) {
    case 'outcome':
      return { ...event, pv: event.pv + 1000 };
    case 'conversion':
      return { ...event, gmv: event.gmv + MICRO };
    case 'cart':
      return { ...event, items: event.items + 1 };
    case 'campaign':
      return { ...event, budget: event.budget + MICRO };
  }
}

export function createMail(world: World, market: DayMarket, carry: Carry): Mail {
  const { faults } = world.config.simulator;
  const { latenessMs, utcOffsetMinutes } = world.config.days;
  const endMs = market.startMs + DAY_MS;
  const today: Counts = { ...carry.counts };
  const tomorrow: Counts = { ...NO_COUNTS };
  const sent: SourceRecord[] = [...carry.records];
  const clamp = (arrivalMs: number): number => Math.max(arrivalMs, carry.lastArrivalMs);

  function tally(eventMs: number, arrivalMs: number, fate: 'accepted' | 'duplicate'): boolean {
    const next = eventMs >= endMs;
    const counts = next ? tomorrow : today;
    const inTime = arrivalMs < (next ? endMs + DAY_MS : endMs) + latenessMs;
    counts.records++;
    counts[inTime ? fate : 'late']++;
    return inTime;
  }
  function send(event: AuctionEvent, arrivalMs: number): void {
    sent.push({ key: event.campaign_id, arrivalMs, value: JSON.stringify(encodeEvent(event)) });
  }
  return {
    clamp,
    arrival: (eventMs, random) => clamp(eventMs + arrivalDelay(faults, random)),
    count: (eventMs, arrivalMs) => tally(eventMs, arrivalMs, 'accepted'),
    maybeRepeat(original, arrivalMs, random) {
      if (random.next() >= faults.duplicateShare) return;
      const event = original();
      // At least a millisecond later: which payload counts must not hang on a tie.
      const again = arrivalMs + 1 + Math.round(60_000 * random.next());
      tally(event.event_time, again, 'duplicate');
      send(repeated(event, random.next() < CLASH_SHARE), again);
    },
    send,
    sendPoison(record) {
      const counts = dayOf(record.arrivalMs, utcOffsetMinutes) === market.day ? today : tomorrow;
      counts.records++;
      counts.dead_lettered++;
      sent.push(record);
    },
    sent,
    today,
    tomorrow,
  };
}
