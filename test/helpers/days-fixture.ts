import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuctionEvent,
  type LatePolicy,
  type LedgerEntry,
  MICRO,
  NANO,
  type TaskSpec,
} from '../../src/contracts/index.ts';
import {
  DAY_MS,
  type DayKey,
  type Random,
  dayKey,
  dayOf,
  dayStartMs,
  seededRandom,
  sha256,
} from '../../src/core/index.ts';
import type { Loader } from '../../src/days/index.ts';
import {
  type ObjectStore,
  createSegmentBuilder,
  openDirectoryStore,
  openLedger,
} from '../../src/store/index.ts';

export const DAY = dayKey('2026-03-01');
export const START = dayStartMs(DAY);
const TOPIC = 'auction-events';
export const TASKS: readonly TaskSpec[] = [
  { id: 'store', reward: 'gmv', unitPrice: 0.4 },
  { id: 'direct', reward: 'direct_gmv', unitPrice: 0.4 },
  { id: 'cart', reward: 'items', unitPrice: 6.7 },
];
const LATENESS_MS = 1_800_000;
export const LIMIT_MS = START + DAY_MS + LATENESS_MS;

export const sealConfig = (partitions: number, attributionMs = 0) => ({
  days: {
    utcOffsetMinutes: 0,
    latenessMs: LATENESS_MS,
    late: 'amend' as LatePolicy,
    attributionMs,
  },
  market: { reserve: 0.01 },
  tasks: TASKS,
  source: { topic: TOPIC, partitions },
});

/** An event with the time it arrived. */
export interface Arrival {
  readonly event: AuctionEvent;
  readonly arrivalMs: number;
}

/** A temporary folder, removed by the returned function. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'vamo-days-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Who loads into ClickHouse in these tests; each name is another host of one data directory. */
export const loaderNamed = (stage = 'own'): Loader => ({
  owner: { id: 'fixture', place: 'the fixture' },
  stage,
});

export const newStore = (path: string): Promise<ObjectStore> => openDirectoryStore(path);

/** The day an event is stored under. */
const storedDay = (event: AuctionEvent): DayKey =>
  event.kind === 'campaign' ? event.day : dayOf(event.event_time);

/**
 * Commits one partition's records the way the ingester does: in arrival order, one segment a day
 * and flush. Offsets go on from the ledger's tail.
 */
export async function commitArrivals(
  store: ObjectStore,
  partition: number,
  arrivals: readonly Arrival[],
  options: { readonly flushRows?: number; readonly dead?: Readonly<Record<string, number>> } = {},
): Promise<void> {
  const { flushRows = 1000, dead = {} } = options;
  const ledger = openLedger(store, TOPIC, partition);
  const sorted = arrivals.toSorted((a, b) => a.arrivalMs - b.arrivalMs);
  for (let i = 0; i < sorted.length; i += flushRows) {
    const from = Number(await ledger.tail());
    const batch = sorted.slice(i, i + flushRows);
    await ledger.commit(await committedBatch(store, partition, from, batch, i === 0 ? dead : {}));
  }
}

async function committedBatch(
  store: ObjectStore,
  partition: number,
  from: number,
  batch: readonly Arrival[],
  dead: Readonly<Record<string, number>>,
): Promise<LedgerEntry> {
  const builders = new Map<DayKey, ReturnType<typeof createSegmentBuilder>>();
  batch.forEach(({ event, arrivalMs }, i) => {
    const day = storedDay(event);
    const builder = builders.get(day) ?? createSegmentBuilder();
    builders.set(day, builder);
    builder.push(event, arrivalMs, TOPIC, partition, from + i);
  });
  const segments = [];
  for (const [day, builder] of builders) {
    const rows = builder.rows;
    const bytes = builder.finish();
    const key = `seg/day=${day}/${TOPIC}-${partition}-${from}.arrow`;
    await store.put(key, bytes);
    segments.push({ key, day, rows, bytes: bytes.byteLength, sha256: sha256(bytes) });
  }
  const bad = Object.values(dead).reduce((a, b) => a + b, 0);
  return {
    schema: 'ledger/v1',
    topic: TOPIC,
    partition,
    from: String(from),
    to: String(from + batch.length + bad),
    nonce: `${partition}-${from}`,
    records: batch.length + bad,
    maxArrivalMs: Math.max(...batch.map((a) => a.arrivalMs)),
    segments,
    deadLetters:
      bad === 0
        ? null
        : { key: `dlq/${partition}-${from}.arrow`, rows: bad, bytes: 0, sha256: '', byDay: dead },
  };
}

export interface Shape {
  readonly campaigns: number;
  readonly outcomes: number;
  /** Share of records that come twice, half of them with another payload. */
  readonly duplicates?: number;
}

/** A random day: budgets and pauses that change, orphans, rewards across steps, duplicates, late rows. */
export function randomDay(seed: number, shape: Shape): Arrival[] {
  const random = seededRandom(seed, 77);
  const arrivals: Arrival[] = [];
  const push = (event: AuctionEvent): void => {
    const delay = random.next() < 0.02 ? random.below(4_000_000) : random.below(3_000);
    arrivals.push({ event, arrivalMs: event.event_time + delay });
  };
  for (let c = 0; c < shape.campaigns; c++) {
    const id = `c${c}`;
    const task = TASKS[c % 3]!.id;
    for (const event of campaignEvents(random, id, task)) push(event);
    for (let i = c; i < shape.outcomes; i += shape.campaigns + 1)
      for (const event of outcomeAndRewards(random, id, task, i)) push(event);
  }
  for (let i = shape.campaigns; i < shape.outcomes; i += shape.campaigns + 1)
    for (const event of outcomeAndRewards(random, 'orphan', 'store', i)) push(event);
  return withDuplicates(random, arrivals, shape.duplicates ?? 0.02);
}

function withDuplicates(random: Random, arrivals: Arrival[], share: number): Arrival[] {
  const again: Arrival[] = [];
  for (const { event, arrivalMs } of arrivals) {
    if (random.next() >= share) continue;
    const clash = event.kind === 'outcome' && random.next() < 0.5;
    again.push({
      event: clash ? { ...event, bid: event.bid + random.below(5) - 2 } : event,
      arrivalMs: arrivalMs + random.below(3) * 1000,
    });
  }
  return [...arrivals, ...again];
}

function campaignEvents(random: Random, id: string, task: string): AuctionEvent[] {
  const count = 1 + random.below(4);
  // The first may stand before midnight; the others fall on step borders, two at the same instant.
  const border = START + random.below(96) * 900_000;
  const times = [
    START + (random.below(3) - 1) * 600_000,
    border,
    border,
    START + random.below(96) * 900_000,
  ];
  return times.slice(0, count).map((event_time, i) => ({
    kind: 'campaign' as const,
    event_id: `${id}-k${i}`,
    event_time,
    campaign_id: id,
    advertiser_id: `a${random.below(3)}`,
    task,
    day: DAY,
    budget: random.below(1000) * MICRO,
    status: random.next() < 0.7 ? ('active' as const) : ('paused' as const),
    cpa_limit: 0,
  }));
}

function outcomeAndRewards(random: Random, id: string, task: string, i: number): AuctionEvent[] {
  const slot = random.below(4);
  const exposed = slot > 0 && random.next() < 0.8;
  const competing = [0, 0, 0].map(() => random.below(40_000)).sort((a, b) => b - a);
  const event_time = START + random.below(DAY_MS);
  const outcome: AuctionEvent = {
    kind: 'outcome',
    event_id: `o${i}`,
    event_time,
    campaign_id: id,
    auction_id: `q${i}`,
    task,
    pv: random.below(NANO),
    pv_sigma: random.below(1000),
    bid: random.below(50_000),
    slot,
    exposed,
    shown: exposed ? 3 : 0,
    cost: exposed ? random.below(40_000) : 0,
    competing_1: competing[0]!,
    competing_2: competing[1]!,
    competing_3: competing[2]!,
    model_version: '',
  };
  return exposed && random.next() < 0.4
    ? [outcome, ...rewards(random, id, i, event_time)]
    : [outcome];
}

function rewards(random: Random, id: string, i: number, outcomeTime: number): AuctionEvent[] {
  const event_time = Math.min(outcomeTime + random.below(10_000_000), START + DAY_MS - 1);
  // Some are attributed to an outcome of another day, which this partition does not hold.
  const outcome_id = random.next() < 0.1 ? `yesterday-${i}` : `o${i}`;
  const gmv = random.below(100) * MICRO;
  const common = { event_time, campaign_id: id, outcome_id };
  return [
    {
      ...common,
      kind: 'conversion',
      event_id: `v${i}`,
      gmv,
      direct_gmv: Math.floor(gmv / 2),
      order_id: `r${i}`,
    },
    { ...common, kind: 'cart', event_id: `v${i}`, items: 1 + random.below(3) },
  ];
}
