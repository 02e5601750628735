import { describe, expect, it } from 'vitest';
import { STEPS, sum } from '../../src/core/index.ts';
import { encodeEvent, STEP_COLUMNS } from '../../src/contracts/index.ts';
import { createStepAccumulator } from '../../src/features/index.ts';
import {
  createDayMarket,
  createWorld,
  EMPTY_CARRY,
  everySecondCampaign,
  simulateDay,
  type StepView,
} from '../../src/sim/index.ts';
import {
  type Arrival,
  decodeAll,
  groupBy,
  partitionOf,
  simConfig,
  simulateDays,
} from '../helpers/sim-world.ts';

it('simulates configured tasks only', async () => {
  const config = await simConfig();
  const app = { id: 'app', reward: 'gmv', unitPrice: 1 } as const;
  expect(() => createWorld({ ...config, tasks: [app] })).toThrow(
    'simulator.tasks: "store"; must be one of tasks (app)',
  );
});

const faulty = await simConfig({
  faults: {
    duplicateShare: 0.02,
    disorderMs: 2000,
    lateShare: 0.05,
    lateMaxMs: 5_400_000,
    poisonPerDay: 5,
  },
});
const days = await simulateDays(faulty, 3);
const records = days.map((day) => [...day.records]);
const log = records.map(decodeAll);
const everything = log.flatMap(({ arrivals }) => arrivals);
const cutOf = (day: string): number =>
  Date.parse(`${day}T00:00:00Z`) + 86_400_000 + faulty.days.latenessMs;
const inTime = (day: string): Arrival[] =>
  everything.filter((a) => partitionOf(a) === day && a.arrivalMs < cutOf(day));

describe('records of a simulated day', () => {
  it('decode, all but the poisoned ones', () => {
    for (const { bad } of log) expect(bad).toHaveLength(5);
  });

  it('arrive in order, across days too', () => {
    const arrivals = records.flat().map((r) => r.arrivalMs);
    expect(arrivals.every((ms, i) => i === 0 || ms >= arrivals[i - 1]!)).toBe(true);
  });

  it('are the same each time they are read, and of the announced number', () => {
    const [day] = days;
    expect(JSON.stringify([...day!.records])).toBe(JSON.stringify(records[0]));
    expect(records[0]).toHaveLength(day!.recordCount);
  });

  it('are the text that encodeEvent gives', () => {
    for (const record of records[0]!.slice(0, 1000)) {
      const { arrivals } = decodeAll([record]);
      if (arrivals.length === 0) continue;
      expect(JSON.parse(record.value)).toEqual(
        JSON.parse(JSON.stringify(encodeEvent(arrivals[0]!.event))),
      );
    }
  });

  it('have every fault that was asked for', () => {
    const [day] = days;
    expect(day!.counts.duplicate).toBeGreaterThan(100);
    expect(day!.counts.late).toBeGreaterThan(0);
    expect(day!.counts.dead_lettered).toBe(5);
    const times = everything.map(({ event }) => event.event_time);
    expect(times.some((ms, i) => i > 0 && ms < times[i - 1]! - 60_000)).toBe(true);
    const ids = groupBy(everything, ({ event }) => event.event_id);
    const clashes = [...ids.values()].filter(
      (same) => new Set(same.map(({ event }) => JSON.stringify(event))).size > 1,
    );
    expect(clashes.length).toBeGreaterThan(5);
  });

  it('carry carts for tasks rewarded by items and conversions for the others', () => {
    const rewards = everything.filter(({ event }) => ['cart', 'conversion'].includes(event.kind));
    const kinds = rewards.map(({ event }) => [event.campaign_id.split('-')[0]!, event.kind].join());
    expect([...new Set(kinds)].sort()).toEqual([
      'cart,cart',
      'direct,conversion',
      'store,conversion',
    ]);
  });
});

describe('ground truth', () => {
  it.each([0, 1])('of day %i equals the sums of its events before the cut', (index) => {
    const { day, truth } = days[index]!;
    const accumulator = createStepAccumulator({
      day,
      utcOffsetMinutes: 0,
      reserve: faulty.market.reserve,
      tasks: faulty.tasks,
    });
    for (const { event, arrivalMs } of inTime(day)) accumulator.push(event, arrivalMs);
    const summed = accumulator.daySteps();
    expect(summed.campaigns.map((c) => c.campaignId)).toEqual(
      truth.campaigns.map((c) => c.campaignId),
    );
    truth.campaigns.forEach((expected, c) => {
      for (const column of STEP_COLUMNS)
        expect(
          [...summed.campaigns[c]!.columns[column]],
          `${expected.campaignId} ${column}`,
        ).toEqual([...expected.columns[column]]);
    });
  });

  it.each([0, 1])('of day %i counts its records', (index) => {
    const { day, counts } = days[index]!;
    const mine = everything.filter((a) => partitionOf(a) === day);
    const counted = inTime(day);
    const unique = new Set(counted.map(({ event }) => `${event.kind} ${event.event_id}`));
    expect(counts.accepted).toBe(unique.size);
    expect(counts.duplicate).toBe(counted.length - unique.size);
    expect(counts.late).toBe(mine.length - counted.length);
    expect(counts.records).toBe(mine.length + counts.dead_lettered);
  });

  it('has rewards, some seen at another step than that of their outcome', () => {
    const [, day] = days;
    const byStep = (column: 'reward_seen' | 'reward_attributed'): Float64Array[] =>
      day!.truth.campaigns.map((c) => c.columns[column]);
    expect(sum(byStep('reward_seen').map(sum))).toBeGreaterThan(0);
    expect(byStep('reward_seen')).not.toEqual(byStep('reward_attributed'));
  });
});

describe('the market', () => {
  const outcomes = everything.flatMap(({ event }) => (event.kind === 'outcome' ? [event] : []));

  it('keeps the invariants of every auction', () => {
    for (const auction of groupBy(outcomes, (o) => o.auction_id).values()) {
      const winners = new Map(auction.filter((o) => o.slot > 0).map((o) => [o.event_id, o.slot]));
      expect(new Set(winners.values()).size).toBe(winners.size);
      for (const { cost, bid } of auction) expect(cost).toBeLessThanOrEqual(bid);
      expect(new Set(auction.map((o) => o.shown)).size).toBe(1);
    }
  });

  it('takes from the budget exactly what is paid, and never more than the budget', async () => {
    const clean = await simConfig({ faults: { ...faulty.simulator.faults, lateShare: 0 } });
    const [day] = await simulateDays(clean, 1);
    day!.truth.campaigns.forEach(({ columns }, c) => {
      const { budget, remaining, cost } = columns;
      expect(budget[STEPS]! - remaining[STEPS]!).toBe(sum(cost));
      expect(day!.results[c]!.cost).toBe(sum(cost) / 1e6);
      // A budget may be cut below what has been spent; then nothing more is.
      if (new Set(budget).size === 1) expect(remaining[STEPS]).toBeGreaterThanOrEqual(0);
    });
  });

  it('has auctions at strictly increasing times', () => {
    const market = createDayMarket(createWorld(faulty), 0);
    const alphas = new Float64Array(market.campaigns.length).fill(0.4);
    while (market.step < STEPS) market.play(alphas);
    const times = market.recordings.flatMap((r) => [...r.timeMs]);
    expect(times.every((ms, i) => i === 0 || ms > times[i - 1]!)).toBe(true);
  });

  it('never gives campaigns more wins when the outside bids double', async () => {
    for (const seed of [1, 2, 3]) {
      const world = createWorld(await simConfig({ seed }));
      const wins = [1, 2].map((outsideScale) => {
        const market = createDayMarket(world, 0, { outsideScale });
        const prices = world.campaigns.map((c) => world.tasks[c.task]!.unitPrice);
        while (market.step < STEPS) market.play(Float64Array.from(prices));
        return sum(market.results().map((r) => r.wins));
      });
      expect(wins[1]).toBeLessThan(wins[0]!);
    }
  });

  it('shows the same users and values whatever is bid', () => {
    const world = createWorld(faulty);
    const values = [0.05, 2].map((alpha) => {
      const market = createDayMarket(world, 1);
      market.play(new Float64Array(market.campaigns.length).fill(alpha));
      return [...market.recordings[0]!.pv];
    });
    expect(values[0]!.length).toBeGreaterThan(10);
    expect(values[1]).toEqual(values[0]);
  });

  it('lets budgets change and campaigns pause during some days', () => {
    const world = createWorld(faulty);
    const changes = [0, 1, 2, 3].flatMap((index) =>
      createDayMarket(world, index).campaignEvents.flatMap((events) => events.slice(1)),
    );
    expect(changes.some((event) => event.status === 'paused')).toBe(true);
    expect(changes.some((event) => event.status === 'active')).toBe(true);
  });
});

describe('determinism', () => {
  const text = (day: { records: Iterable<{ value: string }> }): string =>
    JSON.stringify([...day.records]);

  it('gives the same bytes for the same seed and others for another', async () => {
    const small = await simConfig({ auctionsPerDay: 480 });
    const other = await simConfig({ auctionsPerDay: 480, seed: 2 });
    const [a, b, c] = await Promise.all([small, small, other].map((s) => simulateDays(s, 1)));
    expect(text(a![0]!)).toBe(text(b![0]!));
    expect(text(a![0]!)).not.toBe(text(c![0]!));
  });

  it('plays a later day alone as it was played after the others', async () => {
    const world = createWorld(faulty);
    const alone = await simulateDay({ world, day: days[1]!.day, carry: days[0]!.carry });
    expect(text(alone)).toBe(text(days[1]!));
  });

  it('refuses a day before the first', async () => {
    const run = simulateDay({ world: createWorld(faulty), day: -1, carry: EMPTY_CARRY });
    await expect(run).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('shifts', () => {
  it('are absent in scenario 0 and present in scenario 1', async () => {
    for (const shift of [0, 1]) {
      const world = createWorld(await simConfig({ shift }));
      const levels = [0, 3, 9].flatMap((i) =>
        createDayMarket(world, i).state.tasks.map((t) => t.level),
      );
      const peaks = [0, 9].map((i) => createDayMarket(world, i).state.tasks[0]!.lnScene[0]);
      expect(levels.every((level) => level === 0)).toBe(shift === 0);
      expect(peaks[0] === peaks[1]).toBe(shift === 0);
    }
  });
});

describe('a controller', () => {
  it('bids for its campaigns with its version, behaviour policies for the rest', async () => {
    const world = createWorld(await simConfig({ auctionsPerDay: 480 }));
    const mine = everySecondCampaign(world);
    const views: StepView[] = [];
    const day = await simulateDay({
      world,
      day: 0,
      controller: {
        campaigns: mine,
        act(view) {
          views.push(view);
          const alphas = view.campaigns.map(() => 0.25);
          return Promise.resolve({ alphas, modelVersion: 'v-test' });
        },
      },
    });
    const { arrivals } = decodeAll(day.records);
    const outcomes = arrivals.flatMap(({ event }) => (event.kind === 'outcome' ? [event] : []));
    expect(mine).toHaveLength(25);
    expect(views.map((v) => v.step)).toEqual(Array.from({ length: STEPS }, (_, t) => t));
    for (const { campaign_id, model_version, bid, pv } of outcomes) {
      const ours = mine.includes(campaign_id);
      expect(model_version).toBe(ours ? 'v-test' : '');
      if (ours) expect(Math.abs(bid - (0.25 * pv) / 1000)).toBeLessThanOrEqual(2);
    }
    expect(mine.every((id) => day.policies[id] === 'fleet')).toBe(true);
  });

  it('is refused when it does not answer for every campaign', async () => {
    const world = createWorld(await simConfig({ auctionsPerDay: 480 }));
    const run = simulateDay({
      world,
      day: 0,
      controller: {
        campaigns: everySecondCampaign(world),
        act: () => Promise.resolve({ alphas: [1], modelVersion: 'v' }),
      },
    });
    await expect(run).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('the log of a simulated day', () => {
  it('is what replay would read of its records, had none been lost', async () => {
    const none = { duplicateShare: 0, disorderMs: 0, lateShare: 0, lateMaxMs: 0, poisonPerDay: 0 };
    const [played] = await simulateDays(await simConfig({ faults: none }), 1);
    const events = decodeAll(played!.records).arrivals.map(({ event }) => event);
    const log = played!.log();
    expect(log.campaigns.map((c) => c.campaignId)).toEqual(
      played!.truth.campaigns.map((c) => c.campaignId),
    );
    for (const { campaignId, task, campaignEvents, outcomes } of log.campaigns) {
      const own = events.filter((event) => event.campaign_id === campaignId);
      const changes = own.flatMap((e) => (e.kind === 'campaign' ? e : []));
      const offers = own
        .flatMap((e) => (e.kind === 'outcome' ? e : []))
        .sort((a, b) => a.event_time - b.event_time || (a.event_id < b.event_id ? -1 : 1));
      expect(task).toBe(changes[0]!.task);
      expect(campaignEvents).toEqual(
        changes.map((e) => ({
          eventTime: e.event_time,
          budget: e.budget,
          active: e.status === 'active',
        })),
      );
      expect(outcomes.count).toBe(offers.length);
      const column = (name: keyof (typeof offers)[number]) => offers.map((o) => Number(o[name]));
      expect([...outcomes.eventTime]).toEqual(column('event_time'));
      expect([...outcomes.pv]).toEqual(column('pv'));
      expect([...outcomes.bid]).toEqual(column('bid'));
      expect([...outcomes.slot]).toEqual(column('slot'));
      expect([...outcomes.exposed]).toEqual(column('exposed'));
      expect([...outcomes.shown]).toEqual(column('shown'));
      expect([...outcomes.cost]).toEqual(column('cost'));
      expect([...outcomes.competing1]).toEqual(column('competing_1'));
      expect([...outcomes.competing2]).toEqual(column('competing_2'));
      expect([...outcomes.competing3]).toEqual(column('competing_3'));
    }
  });
});
