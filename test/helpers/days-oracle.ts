import {
  type AuctionEvent,
  type CampaignEvent,
  EVENT_COLUMNS,
  MICRO,
  STEP_COLUMNS,
  STEP_ROWS,
  type StepColumn,
} from '../../src/contracts/index.ts';
import { STEP_MS, sha256 } from '../../src/core/index.ts';
import { type Arrival, LIMIT_MS, START, TASKS } from './days-fixture.ts';

const RESERVE = 0.01 * MICRO;

/** What a seal of these arrivals must find, worked out event by event. */
export interface Expected {
  readonly accepted: number;
  readonly duplicate: number;
  readonly late: number;
  readonly clashes: number;
  readonly orphans: number;
  /** By campaign, then column: 97 numbers. */
  readonly steps: Readonly<Record<string, Readonly<Record<StepColumn, readonly number[]>>>>;
}

/** `partitions`: each source partition's records; within one, offsets follow arrival. */
export function expectedDay(partitions: readonly (readonly Arrival[])[]): Expected {
  const inTime = partitions.flatMap((records) => {
    const sorted = records.toSorted((a, b) => a.arrivalMs - b.arrivalMs);
    const first = sorted.findIndex((r) => r.arrivalMs >= LIMIT_MS);
    return first < 0 ? sorted : sorted.slice(0, first);
  });
  const byId = new Map<string, Arrival[]>();
  for (const arrival of inTime) {
    const key = `${arrival.event.kind} ${arrival.event.event_id}`;
    byId.set(key, [...(byId.get(key) ?? []), arrival]);
  }
  const winners: Arrival[] = [];
  let clashes = 0;
  for (const same of byId.values()) {
    const hashed = same.map((a) => ({ ...a, hash: payloadHash(a.event) }));
    if (new Set(hashed.map((h) => h.hash)).size > 1) clashes++;
    hashed.sort((a, b) => a.arrivalMs - b.arrivalMs || (a.hash < b.hash ? -1 : 1));
    winners.push(hashed[0]!);
  }
  const known = new Set(ofKind(winners, 'campaign').map((a) => a.event.campaign_id));
  return {
    accepted: winners.length,
    duplicate: inTime.length - winners.length,
    late: partitions.flat().length - inTime.length,
    clashes,
    orphans: ofKind(winners, 'outcome').filter((a) => !known.has(a.event.campaign_id)).length,
    steps: Object.fromEntries([...known].map((id) => [id, campaignSums(winners, id)])),
  };
}

type Of<K extends AuctionEvent['kind']> = Extract<AuctionEvent, { kind: K }>;

const ofKind = <K extends AuctionEvent['kind']>(arrivals: readonly Arrival[], kind: K) =>
  arrivals.filter((a): a is Arrival & { event: Of<K> } => a.event.kind === kind);

function payloadHash(event: AuctionEvent): string {
  const fields: Readonly<Record<string, string | number | boolean | undefined>> = { ...event };
  const text = Object.entries(EVENT_COLUMNS)
    .filter(([name]) => name !== 'arrival_ms')
    .map(([name, type]) =>
      type === 'text' ? String(fields[name] ?? '') : String(Number(fields[name] ?? 0)),
    );
  return sha256(`${text.join('\t')}\t`);
}

function campaignSums(all: readonly Arrival[], id: string): Record<StepColumn, number[]> {
  const own = all.filter((a) => a.event.campaign_id === id);
  const sums = Object.fromEntries(
    STEP_COLUMNS.map((name) => [name, new Array<number>(STEP_ROWS).fill(0)]),
  ) as Record<StepColumn, number[]>;
  const add = (column: StepColumn, ms: number, value: number): void => {
    const step = Math.floor((ms - START) / STEP_MS);
    if (step >= 0 && step < 96) sums[column][step]! += value;
  };
  const outcomes = ofKind(own, 'outcome');
  for (const { event: e } of outcomes) {
    add('outcomes', e.event_time, 1);
    add('pv', e.event_time, e.pv);
    add('bid', e.event_time, e.bid);
    if (e.slot > 0) add('wins', e.event_time, 1);
    if (e.exposed) add('exposures', e.event_time, 1);
    if (e.exposed) add('pv_won', e.event_time, e.pv);
    add('cost', e.event_time, e.cost);
    add('lwc', e.event_time, Math.max(e.competing_3, RESERVE));
  }
  const changes = ofKind(own, 'campaign')
    .map((a) => a.event)
    .sort((a, b) => a.event_time - b.event_time || (a.event_id < b.event_id ? -1 : 1));
  const field = TASKS.find((t) => t.id === changes[0]!.task)!.reward;
  for (const { event, arrivalMs } of [...ofKind(own, 'conversion'), ...ofKind(own, 'cart')]) {
    const value = { gmv: 0, direct_gmv: 0, items: 0, ...event }[field];
    const reward = field === 'items' ? value * MICRO : value;
    add('reward_seen', arrivalMs, reward);
    const outcome = outcomes.find((o) => o.event.event_id === event.outcome_id);
    if (outcome) add('reward_attributed', outcome.event.event_time, reward);
  }
  fillTerms(sums, changes);
  return sums;
}

function fillTerms(sums: Record<StepColumn, number[]>, changes: readonly CampaignEvent[]): void {
  let spent = 0;
  for (let step = 0; step < STEP_ROWS; step++) {
    const inForce = changes.findLast((c) => c.event_time <= START + step * STEP_MS);
    sums.budget[step] = inForce?.budget ?? 0;
    sums.active[step] = inForce?.status === 'active' ? 1 : 0;
    sums.remaining[step] = sums.budget[step]! - spent;
    spent += sums.cost[step]!;
  }
}
