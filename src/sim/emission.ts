import { DAY_MS, seededRandom } from '../core/index.ts';
import {
  type DayCounts,
  type DaySteps,
  MICRO,
  type OutcomeEvent,
  type SourceRecord,
} from '../contracts/index.ts';
import type { Carry, PendingReward } from './carry.ts';
import type { DayMarket } from './day-market.ts';
import { createMail, type Mail } from './mail.ts';
import { poison } from './poison.ts';
import { outcomeEvent, outcomeText, type StepRecording } from './recording.ts';
import { STREAM, type World } from './settings.ts';
import { createTruth, type Truth } from './truth.ts';

/** A day as its records, with what must come of them. */
export interface Emission {
  /** In order of arrival; made one by one while iterating, the same each time. */
  readonly records: Iterable<SourceRecord>;
  readonly recordCount: number;
  readonly truth: DaySteps;
  readonly counts: DayCounts;
  readonly carry: Carry;
}

/** A played day on its way into the log. */
interface Dispatch {
  readonly world: World;
  readonly index: number;
  readonly market: DayMarket;
  /** Micro-units. */
  readonly reserve: number;
  readonly mail: Mail;
  readonly truth: Truth;
}

/** A step's outcomes in the recording's order: when each arrives, and whether before the cut. */
interface StepMail {
  readonly recording: StepRecording;
  readonly arrivals: Float64Array;
  readonly accepted: Uint8Array;
}

/** Counts and repeats the outcomes; they are rendered later, when the records are read. */
function mailOutcomes({ world, index, market, reserve, mail, truth }: Dispatch): StepMail[] {
  return market.recordings.map((recording) => {
    const random = seededRandom(world.seed, STREAM.faults, index, recording.step);
    const arrivals = new Float64Array(recording.outcomes);
    const accepted = new Uint8Array(recording.outcomes);
    for (let i = 0; i < recording.outcomes; i++) {
      const eventMs = recording.timeMs[recording.auction[i] ?? 0] ?? 0;
      const arrivalMs = mail.arrival(eventMs, random);
      const event = (): OutcomeEvent => outcomeEvent(world, market.day, recording, i, reserve);
      arrivals[i] = arrivalMs;
      mail.maybeRepeat(event, arrivalMs, random);
      if (!mail.count(eventMs, arrivalMs)) continue;
      truth.addOutcome(recording, i);
      accepted[i] = 1;
    }
    return { recording, arrivals, accepted };
  });
}

/** Sends conversions and carts; gives back those dated on the next day. */
function mailRewards(dispatch: Dispatch, outcomes: readonly StepMail[]): PendingReward[] {
  const { world, index, market, mail, truth } = dispatch;
  const random = seededRandom(world.seed, STREAM.faults, index, -1);
  const pending: PendingReward[] = [];
  for (const { campaign, step, outcome, event, arrivalMs: natural, micro } of market.rewards) {
    const arrivalMs = mail.clamp(natural);
    const inTime = mail.count(event.event_time, arrivalMs);
    mail.send(event, arrivalMs);
    mail.maybeRepeat(() => event, arrivalMs, random);
    if (event.event_time >= market.startMs + DAY_MS) {
      pending.push({ campaign, arrivalMs, micro });
      continue;
    }
    if (!inTime) continue;
    truth.addSeen(campaign, arrivalMs, micro);
    if (outcomes[step]?.accepted[outcome] === 1) truth.addAttributed(campaign, step, micro);
  }
  return pending;
}

/** Budgets are neither late nor out of order: a day without its opening has no campaign. */
function mailCampaignEvents({ world, index, market, mail }: Dispatch): void {
  const random = seededRandom(world.seed, STREAM.faults, index, -2);
  for (const event of market.campaignEvents.flat()) {
    const arrivalMs = mail.clamp(event.event_time + 10);
    mail.count(event.event_time, arrivalMs);
    mail.send(event, arrivalMs);
    mail.maybeRepeat(() => event, arrivalMs, random);
  }
}

function mailPoison({ world, index, market, mail }: Dispatch): void {
  const random = seededRandom(world.seed, STREAM.faults, index, -3);
  const events = market.campaignEvents.flat();
  for (let n = 0; n < world.config.simulator.faults.poisonPerDay; n++) {
    const event = events[random.below(events.length)];
    if (!event) return;
    const at = market.startMs + Math.round(DAY_MS * (0.3 + 0.4 * random.next()));
    const value = poison(index + n, event);
    mail.sendPoison({ key: event.campaign_id, arrivalMs: mail.clamp(at), value });
  }
}

/** Reads outcomes and the other records as one list in order of arrival. */
function inOrder(
  { world, market, reserve }: Dispatch,
  steps: readonly StepMail[],
  sent: readonly SourceRecord[],
): {
  readonly arrivals: Float64Array;
  readonly order: Uint32Array;
  readonly at: (i: number) => SourceRecord;
} {
  const outcomes = steps.reduce((n, { arrivals }) => n + arrivals.length, 0);
  const arrivals = new Float64Array(outcomes + sent.length);
  const stepAt = new Uint8Array(outcomes);
  const firsts: number[] = [];
  let first = 0;
  steps.forEach((step, s) => {
    arrivals.set(step.arrivals, first);
    stepAt.fill(s, first, first + step.arrivals.length);
    firsts.push(first);
    first += step.arrivals.length;
  });
  sent.forEach((record, i) => (arrivals[outcomes + i] = record.arrivalMs));
  const order = Uint32Array.from(arrivals, (_, i) => i);
  order.sort((a, b) => (arrivals[a] ?? 0) - (arrivals[b] ?? 0) || a - b);
  const render = (i: number): SourceRecord | undefined => {
    if (i >= outcomes) return sent[i - outcomes];
    const s = stepAt[i] ?? 0;
    const recording = steps[s]?.recording;
    if (!recording) return undefined;
    const event = outcomeEvent(world, market.day, recording, i - (firsts[s] ?? 0), reserve);
    const value = outcomeText(event);
    return { key: event.campaign_id, arrivalMs: arrivals[i] ?? 0, value };
  };
  return {
    arrivals,
    order,
    at: (i) => {
      const record = render(i);
      if (!record) throw new RangeError(`record ${i} of ${arrivals.length}`);
      return record;
    },
  };
}

/**
 * Turns a played day into records with the configured faults: delays, disorder, late ones,
 * duplicates and poison. Ground truth counts what arrives before the day's cut, of repeated events
 * the first. Records that arrive after the day's emission are carried into the next one.
 */
export function emitDay(world: World, index: number, market: DayMarket, carry: Carry): Emission {
  const reserve = Math.round(world.config.market.reserve * MICRO);
  const mail = createMail(world, market, carry);
  const truth = createTruth(market, reserve);
  const dispatch: Dispatch = { world, index, market, reserve, mail, truth };
  for (const { campaign, arrivalMs, micro } of carry.rewards)
    truth.addSeen(campaign, arrivalMs, micro);
  const steps = mailOutcomes(dispatch);
  const rewards = mailRewards(dispatch, steps);
  mailCampaignEvents(dispatch);
  mailPoison(dispatch);

  const { arrivals, order, at } = inOrder(dispatch, steps, mail.sent);
  const horizonMs = market.startMs + DAY_MS + world.config.simulator.faults.lateMaxMs;
  let emitted = order.findIndex((i) => (arrivals[i] ?? 0) >= horizonMs);
  if (emitted < 0) emitted = order.length;
  const last = emitted > 0 ? (arrivals[order[emitted - 1] ?? 0] ?? 0) : 0;
  return {
    records: {
      *[Symbol.iterator]() {
        for (const i of order.subarray(0, emitted)) yield at(i);
      },
    },
    recordCount: emitted,
    truth: truth.daySteps(),
    counts: mail.today,
    carry: {
      lastArrivalMs: Math.max(carry.lastArrivalMs, last),
      records: Array.from(order.subarray(emitted), at),
      counts: mail.tomorrow,
      rewards,
    },
  };
}
