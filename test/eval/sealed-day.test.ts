import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DayKey } from '../../src/core/index.ts';
import { STEP_COLUMNS, type TaskSpec } from '../../src/contracts/index.ts';
import { sealDay } from '../../src/days/index.ts';
import { createReplayMarket, loggedPolicy, playDay } from '../../src/eval/index.ts';
import { createStepAccumulator } from '../../src/features/index.ts';
import { readDayLog, readDaySteps } from '../../src/store/index.ts';
import * as fixture from '../helpers/days-fixture.ts';
import { DAY, RULES, smallDay, stepsOf, TASKS } from '../helpers/eval-auction.ts';

let folder: Awaited<ReturnType<typeof fixture.temporaryFolder>>;
beforeAll(async () => void (folder = await fixture.temporaryFolder()));
afterAll(() => folder.remove());

/** The sealed day read back, as training and evaluation get it. */
async function sealed(
  name: string,
  day: DayKey,
  arrivals: readonly fixture.Arrival[],
  tasks: readonly TaskSpec[],
) {
  const store = await fixture.newStore(join(folder.path, name));
  await fixture.commitArrivals(store, 0, arrivals);
  const config = { ...fixture.sealConfig(1), tasks };
  const manifest = await sealDay({ store, engineDir: join(folder.path, 'engine'), day, config });
  return {
    steps: await readDaySteps(store, manifest),
    log: await readDayLog(store, manifest),
    counts: manifest,
  };
}

describe('a sealed day', () => {
  it('has the sums of the live accumulator, clashing duplicates included', async () => {
    const arrivals = fixture.randomDay(9, { campaigns: 6, outcomes: 900, duplicates: 0.2 });
    const { steps, counts } = await sealed('clashes', fixture.DAY, arrivals, fixture.TASKS);
    const accumulator = createStepAccumulator({
      day: fixture.DAY,
      utcOffsetMinutes: 0,
      reserve: 0.01,
      tasks: fixture.TASKS,
    });
    for (const { event, arrivalMs } of arrivals)
      if (arrivalMs < fixture.LIMIT_MS) accumulator.push(event, arrivalMs);
    const live = accumulator.daySteps();
    expect(live.campaigns.map((c) => c.campaignId)).toEqual(
      steps.campaigns.map((c) => c.campaignId),
    );
    live.campaigns.forEach((campaign, c) => {
      expect(campaign).toMatchObject({
        advertiserId: steps.campaigns[c]!.advertiserId,
        task: steps.campaigns[c]!.task,
      });
      for (const name of STEP_COLUMNS)
        expect([...campaign.columns[name]], `${campaign.campaignId} ${name}`).toEqual([
          ...steps.campaigns[c]!.columns[name],
        ]);
    });
    expect(counts.clashes).toBeGreaterThan(0);
  });

  it('replays to its logged wins and costs', async () => {
    const day = smallDay(77, { auctions: 400 });
    const { steps, log } = await sealed('replay', DAY, day.events, TASKS);
    // Late rewards fall behind the cut; auctions do not.
    expect(steps.campaigns.map((c) => c.columns.cost)).toEqual(
      stepsOf(day.events).campaigns.map((c) => c.columns.cost),
    );
    const market = createReplayMarket(log, steps, RULES);
    const results = await playDay(market, loggedPolicy());
    expect(results.length).toBe(5);
    for (const { campaignId, wins, cost } of results)
      expect({ wins, cost }).toEqual({
        wins: day.truth.get(campaignId)!.wins,
        cost: day.truth.get(campaignId)!.cost / 1e6,
      });
  });
});
