import { describe, expect, it } from 'vitest';
import { type GraphRunner, STATE_FEATURES } from '../../src/contracts/index.ts';
import {
  createPlanner,
  fitNormaliser,
  toTrajectory,
  withHindsight,
} from '../../src/features/index.ts';
import { daysOfSteps, TASKS } from '../helpers/eval-auction.ts';

const days = daysOfSteps(3);
const efficiencies = { sales: [0.2, 0.9], baskets: [0.5, 0.7] };
const normaliser = fitNormaliser({ days, tasks: TASKS, efficiencies, minRemaining: 0.1 });
const options = { normaliser, minRemaining: 0.1 };
const campaigns = days.flatMap((day) => day.campaigns);
const [steps] = campaigns;
const logged = toTrajectory(steps!, 0.3, options)!;
const scale = normaliser.tasks[logged.task]!;
const middle = new Float64Array(96).fill(Math.log(scale.alphaLow * scale.alphaHigh) / 2);

describe('withHindsight', () => {
  it('keeps the states of the bids that were made, whatever would have been best', () => {
    const targets = middle.map((x, t) => x + 0.001 * t);
    for (const best of [middle, targets])
      expect(withHindsight(logged, steps!, best, options).states).toEqual(logged.states);
  });

  it('asks for the best label and for the targets, in the units of the logged actions', () => {
    const made = withHindsight(logged, steps!, middle, options);
    expect(made.label).toBe(1);
    expect(logged.label).toBeLessThan(1);
    made.mask.forEach((open, t) => {
      const alpha = made.actions[t]! * scale.logAlphaSd + scale.logAlphaMean;
      if (open === 1) expect(alpha).toBeCloseTo(middle[t]!, 5);
      else expect(made.actions[t]).toBe(0);
    });
  });

  it('keeps targets inside the limits that service has', () => {
    for (const [far, limit] of [
      [30, scale.alphaHigh],
      [-30, scale.alphaLow],
    ] as const) {
      const { actions, mask } = withHindsight(logged, steps!, middle.fill(far), options);
      const t = mask.indexOf(1);
      expect(actions[t]).toBeCloseTo((Math.log(limit) - scale.logAlphaMean) / scale.logAlphaSd, 5);
    }
  });

  it('counts steps in which a campaign could have bid and did not, and none in which it could not', () => {
    let silent = 0;
    for (const campaign of campaigns) {
      const own = toTrajectory(campaign, 0.3, options);
      if (own === null) continue;
      const { mask } = withHindsight(own, campaign, middle, options);
      const { active, remaining } = campaign.columns;
      mask.forEach((open, t) => {
        expect(open).toBe(active[t] === 1 && remaining[t]! >= 100_000 ? 1 : 0);
        if (open === 1 && own.mask[t] === 0) silent++;
      });
    }
    expect(silent).toBeGreaterThan(0);
  });
});

describe('training and service', () => {
  it('see the same states of the same day, bit for bit', async () => {
    const rows: Float32Array[] = [];
    const runner: GraphRunner = ({ states }) => {
      rows.push(states.data.slice());
      return Promise.resolve({ shape: [1, 96], data: new Float32Array(96) });
    };
    const planner = createPlanner(normaliser, runner, { batch: 1 });
    for (const step of [0, 1, 37, 95]) {
      await planner.alphas([{ task: steps!.task, steps: steps!, step }]);
      const filled = (step + 1) * STATE_FEATURES;
      const seen = rows.at(-1)!;
      expect(seen.subarray(0, filled)).toEqual(logged.states.subarray(0, filled));
      expect(seen.subarray(filled).every((x) => x === 0)).toBe(true);
    }
  });
});
