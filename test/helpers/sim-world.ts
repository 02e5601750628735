import { loadConfig, type Config } from '../../src/config/index.ts';
import { dayOf } from '../../src/core/index.ts';
import { type AuctionEvent, decodeEvent, type SourceRecord } from '../../src/contracts/index.ts';
import {
  type Carry,
  createWorld,
  EMPTY_CARRY,
  simulateDay,
  type SimulatedDay,
} from '../../src/sim/index.ts';

type Simulator = Config['simulator'];

/** The demo's configuration with fewer auctions and the given changes. */
export async function simConfig(changes: Partial<Simulator> = {}): Promise<Config> {
  const config = await loadConfig([new URL('../../config/demo.json', import.meta.url)]);
  return { ...config, simulator: { ...config.simulator, auctionsPerDay: 600, ...changes } };
}

/** The first `days` days of a world, one after another. */
export async function simulateDays(config: Config, days: number): Promise<SimulatedDay[]> {
  const world = createWorld(config);
  let carry: Carry = EMPTY_CARRY;
  const played: SimulatedDay[] = [];
  for (let index = 0; index < days; index++) {
    // Through JSON, as a command line would keep it between days.
    const kept = JSON.parse(JSON.stringify(carry)) as Carry;
    const day = await simulateDay({ world, day: index, carry: kept });
    carry = day.carry;
    played.push(day);
  }
  return played;
}

export interface Arrival {
  readonly event: AuctionEvent;
  readonly arrivalMs: number;
}

/** Decodes records; those that do not decode are given back apart. */
export function decodeAll(records: Iterable<SourceRecord>): {
  arrivals: Arrival[];
  bad: SourceRecord[];
} {
  const arrivals: Arrival[] = [];
  const bad: SourceRecord[] = [];
  for (const record of records) {
    try {
      const event = decodeEvent(JSON.parse(record.value));
      arrivals.push({ event, arrivalMs: record.arrivalMs });
    } catch {
      bad.push(record);
    }
  }
  return { arrivals, bad };
}

/** The day a decoded event is stored under. */
export function partitionOf({ event }: Arrival): string {
  return event.kind === 'campaign' ? event.day : dayOf(event.event_time);
}

/** Items by key, in order of first appearance. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
