import { describe, expect, it } from 'vitest';
import { evaluationDocument } from '../../src/contracts/index.ts';
import {
  bangBangPolicy,
  constantPolicy,
  createReplayMarket,
  evaluate,
  loggedPolicy,
  pidPolicy,
  plannerPolicy,
} from '../../src/eval/index.ts';
import { createPlanner, fitNormaliser, trafficShare } from '../../src/features/index.ts';
import { RULES, smallDay, stepsOf, TASKS } from '../helpers/eval-auction.ts';

const day = smallDay(41, { campaigns: 6, auctions: 1500, changes: false, budgets: 12 });
const steps = stepsOf(day.events);
const share = trafficShare([steps]);
const market = createReplayMarket(day.log, steps, RULES);
const inputs = {
  subject: 'candidate',
  day: day.log.day,
  partitionDigest: 'd'.repeat(64),
  market,
  tasks: TASKS,
  losses: { test: { sales: 1, baskets: 2 } },
};

describe('evaluate', () => {
  it('plays every policy over the same day and pairs the campaigns', async () => {
    const normaliser = fitNormaliser({
      days: [steps],
      tasks: TASKS,
      efficiencies: { sales: [0, 1], baskets: [0, 1] },
      minRemaining: 0.1,
    });
    const planner = createPlanner(
      normaliser,
      ({ states, label }) =>
        Promise.resolve({
          shape: [states.shape[0]!, 96],
          data: Float32Array.from(
            { length: states.shape[0]! * 96 },
            (_, i) => label.data[Math.floor(i / 96)]! * 0.5,
          ),
        }),
      { batch: 4 },
    );
    const document = await evaluate({
      ...inputs,
      policies: [
        loggedPolicy(),
        pidPolicy({ tasks: TASKS, trafficShare: share }),
        bangBangPolicy({ tasks: TASKS }),
        plannerPolicy('candidate', planner),
        plannerPolicy('y=0', planner, 0),
      ],
    });
    expect(() => evaluationDocument.parse(document)).not.toThrow();
    const names = ['logged', 'pid', 'bangbang', 'candidate', 'y=0', 'hindsight'];
    expect(Object.keys(document.policies)).toEqual(names);
    for (const name of names)
      expect(document.policies[name]!.map((r) => r.campaignId)).toEqual(
        market.campaigns.map((c) => c.campaignId),
      );
    document.policies['logged']!.forEach((r) =>
      expect(r.wins).toBe(day.truth.get(r.campaignId)!.wins),
    );
    expect(document.policies['candidate']).not.toEqual(document.policies['y=0']);
    expect(planner.fallbacks).toBe(0);
  });

  it('has feedback policies that spend nearly all of a budget a constant would run out of', async () => {
    const dear = ({ task }: { task: string }) => 3 * TASKS.find((t) => t.id === task)!.unitPrice;
    const document = await evaluate({
      ...inputs,
      policies: [
        bangBangPolicy({ tasks: TASKS, startAlpha: dear }),
        pidPolicy({ tasks: TASKS, trafficShare: share }),
        constantPolicy('dear', dear),
      ],
    });
    const total = (name: string) => document.policies[name]!.reduce((sum, r) => sum + r.return, 0);
    const best = total('hindsight');
    expect(total('bangbang')).toBeGreaterThan(0.9 * best);
    expect(total('pid')).toBeGreaterThan(0.9 * best);
    expect(total('dear')).toBeLessThan(0.5 * best);
  });

  it('refuses two policies of one name and stops when interrupted', async () => {
    const twice = [loggedPolicy(), loggedPolicy()];
    await expect(evaluate({ ...inputs, policies: twice })).rejects.toThrow(/"logged"/);
    const signal = AbortSignal.abort();
    await expect(evaluate({ ...inputs, policies: twice, signal })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
  });
});
