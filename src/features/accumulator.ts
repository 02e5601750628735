import { DAY_MS, type DayKey, dayStartMs, sha256, STEP_MS, STEPS } from '../core/index.ts';
import {
  type AuctionEvent,
  type CampaignEvent,
  type CampaignSteps,
  type CartEvent,
  type ConversionEvent,
  type DaySteps,
  emptyStepColumns,
  EVENT_COLUMNS,
  leastWinningCost,
  MICRO,
  type OutcomeEvent,
  STEP_ROWS,
  type StepColumn,
  type TaskSpec,
} from '../contracts/index.ts';

export interface StepAccumulator {
  /** Counts an event, in any order; one of another day, or a duplicate, changes nothing. */
  push(event: AuctionEvent, arrivalMs: number): void;
  /** The sums so far of every campaign with a campaign event, by campaignId in byte order. */
  daySteps(): DaySteps;
  /** One campaign's sums so far; undefined before its first campaign event. */
  campaignSteps(campaignId: string): CampaignSteps | undefined;
}

export interface StepAccumulatorOptions {
  readonly day: DayKey;
  readonly utcOffsetMinutes: number;
  /** Currency. */
  readonly reserve: number;
  readonly tasks: readonly TaskSpec[];
}

interface Arrived {
  readonly event: AuctionEvent;
  readonly arrivalMs: number;
}

/** What is kept of a campaign: sums of outcomes as they come, the few other events as they are. */
interface CampaignBook {
  readonly sums: Record<StepColumn, Float64Array>;
  readonly outcomeStep: Map<string, number>;
  readonly campaignEvents: Map<string, CampaignEvent>;
  readonly rewards: Map<string, { event: ConversionEvent | CartEvent; arrivalMs: number }>;
}

const PAYLOAD = Object.entries(EVENT_COLUMNS).filter(([name]) => name !== 'arrival_ms');

/** SHA-256 of an event's columns but arrival_ms as text, each followed by a tab: the seal's hash. */
function payloadHash(event: AuctionEvent): string {
  const fields: Readonly<Record<string, string | number | boolean>> = { ...event };
  const texts = PAYLOAD.map(([name, type]) => {
    const field = fields[name] ?? (type === 'text' ? '' : 0);
    return `${typeof field === 'boolean' ? Number(field) : field}\t`;
  });
  return sha256(texts.join(''));
}

/** Of duplicates the earliest to arrive wins, then the smaller hash of the payload. */
function supersedes(a: Arrived, b: Arrived): boolean {
  if (a.arrivalMs !== b.arrivalMs) return a.arrivalMs < b.arrivalMs;
  return payloadHash(a.event) < payloadHash(b.event);
}

/**
 * The live producer of `StepSums`: what a bidder, or anyone who sees the events, sums for itself. It
 * gives what the seal gives over the same events of the day, to the last integer.
 */
export function createStepAccumulator(options: StepAccumulatorOptions): StepAccumulator {
  const { day, tasks } = options;
  const reserve = Math.round(options.reserve * MICRO);
  const startMs = dayStartMs(day, options.utcOffsetMinutes);
  const stepAt = (ms: number): number => Math.floor((ms - startMs) / STEP_MS);
  const inDay = (ms: number): boolean => ms >= startMs && ms < startMs + DAY_MS;
  const books = new Map<string, CampaignBook>();
  const kept = new Map<string, Arrived>();

  function bookOf(campaignId: string): CampaignBook {
    let book = books.get(campaignId);
    if (book === undefined) {
      book = {
        sums: emptyStepColumns(),
        outcomeStep: new Map(),
        campaignEvents: new Map(),
        rewards: new Map(),
      };
      books.set(campaignId, book);
    }
    return book;
  }

  /** Adds (sign 1) or takes back (sign -1, when a duplicate wins) one event. */
  function count({ event, arrivalMs }: Arrived, sign: 1 | -1): void {
    const book = bookOf(event.campaign_id);
    if (event.kind === 'outcome') {
      const step = stepAt(event.event_time);
      addOutcome(book.sums, step, event, reserve, sign);
      if (sign === 1) book.outcomeStep.set(event.event_id, step);
      else book.outcomeStep.delete(event.event_id);
    } else if (event.kind === 'campaign') {
      if (sign === 1) book.campaignEvents.set(event.event_id, event);
      else book.campaignEvents.delete(event.event_id);
    } else {
      const key = `${event.kind} ${event.event_id}`;
      if (sign === 1) book.rewards.set(key, { event, arrivalMs });
      else book.rewards.delete(key);
    }
  }

  function campaignSteps(campaignId: string): CampaignSteps | undefined {
    const book = books.get(campaignId);
    const events = book ? [...book.campaignEvents.values()].sort(byTimeThenId) : [];
    const [first] = events;
    if (book === undefined || first === undefined) return undefined;
    const columns = emptyStepColumns();
    for (const name of SUMMED) columns[name].set(book.sums[name]);
    fillBudgets(columns, events, startMs);
    const reward = tasks.find((task) => task.id === first.task)?.reward;
    for (const { event, arrivalMs } of book.rewards.values()) {
      const micro = rewardMicro(event, reward);
      const attributed = book.outcomeStep.get(event.outcome_id);
      if (attributed !== undefined) bump(columns.reward_attributed, attributed, micro);
      if (inDay(arrivalMs)) bump(columns.reward_seen, stepAt(arrivalMs), micro);
    }
    return { campaignId, advertiserId: first.advertiser_id, task: first.task, columns };
  }

  return {
    push(event, arrivalMs) {
      if (event.kind === 'campaign' ? event.day !== day : !inDay(event.event_time)) return;
      const arrived = { event, arrivalMs };
      const key = `${event.kind} ${event.event_id}`;
      const earlier = kept.get(key);
      if (earlier !== undefined) {
        if (!supersedes(arrived, earlier)) return;
        count(earlier, -1);
      }
      kept.set(key, arrived);
      count(arrived, 1);
    },
    campaignSteps,
    daySteps() {
      const campaigns = [...books.keys()].sort().flatMap((id) => campaignSteps(id) ?? []);
      return { day, campaigns };
    },
  };
}

const SUMMED = ['outcomes', 'pv', 'bid', 'wins', 'exposures', 'cost', 'lwc', 'pv_won'] as const;

function bump(column: Float64Array, step: number, by: number): void {
  column[step] = (column[step] ?? 0) + by;
}

function addOutcome(
  sums: Record<StepColumn, Float64Array>,
  step: number,
  event: OutcomeEvent,
  reserve: number,
  sign: 1 | -1,
): void {
  bump(sums.outcomes, step, sign);
  bump(sums.pv, step, sign * event.pv);
  bump(sums.bid, step, sign * event.bid);
  bump(sums.wins, step, event.slot > 0 ? sign : 0);
  bump(sums.exposures, step, event.exposed ? sign : 0);
  bump(sums.cost, step, sign * event.cost);
  bump(sums.lwc, step, sign * leastWinningCost(event.competing_3, reserve));
  bump(sums.pv_won, step, event.exposed ? sign * event.pv : 0);
}

/** Reward in micro-units: money as it is, counts times a million; 0 where the kind lacks the field. */
function rewardMicro(
  event: ConversionEvent | CartEvent,
  field: TaskSpec['reward'] | undefined,
): number {
  if (event.kind === 'cart') return field === 'items' ? event.items * MICRO : 0;
  if (field === 'gmv') return event.gmv;
  return field === 'direct_gmv' ? event.direct_gmv : 0;
}

function byTimeThenId(a: CampaignEvent, b: CampaignEvent): number {
  if (a.event_time !== b.event_time) return a.event_time - b.event_time;
  return a.event_id < b.event_id ? -1 : 1;
}

/** Budget, remaining and active of every row from the campaign's events (in order) and its costs. */
function fillBudgets(
  columns: Record<StepColumn, Float64Array>,
  events: readonly CampaignEvent[],
  startMs: number,
): void {
  let inForce = -1;
  let spent = 0;
  for (let t = 0; t < STEP_ROWS; t++) {
    const at = startMs + t * STEP_MS;
    while ((events[inForce + 1]?.event_time ?? Number.POSITIVE_INFINITY) <= at) inForce++;
    const event = events[inForce];
    columns.budget[t] = event?.budget ?? 0;
    columns.active[t] = event?.status === 'active' ? 1 : 0;
    columns.remaining[t] = (event?.budget ?? 0) - spent;
    if (t < STEPS) spent += columns.cost[t] ?? 0;
  }
}
