import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseScales, scalesRequest } from '../../src/bidder/index.ts';
import { STEP_COLUMNS } from '../../src/contracts/index.ts';
import { smallCampaign } from '../helpers/bidder-model.ts';

const DAY = '2026-01-13';
const request = (step: number) =>
  scalesRequest(DAY, step, [smallCampaign(1, 'store'), smallCampaign(2, 'cart')]);

describe('a request for scales', () => {
  it('carries a campaign’s sums to the last integer, and nothing of the step to come', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 95 }), fc.nat(1000), (step, seed) => {
        const campaign = smallCampaign(seed, 'store');
        const [read] = parseScales(JSON.stringify(scalesRequest(DAY, step, [campaign])));
        for (const column of STEP_COLUMNS) {
          const own = read!.steps.columns[column];
          expect(own.subarray(0, step)).toEqual(campaign.columns[column].subarray(0, step));
          const known = column === 'budget' || column === 'remaining' || column === 'active';
          expect(own[step]).toBe(known ? campaign.columns[column][step] : 0);
          expect(own.subarray(step + 1).every((x) => x === 0)).toBe(true);
        }
        expect(read).toMatchObject({ task: 'store', step });
      }),
      { numRuns: 20 },
    );
  });
  const campaigns = (change: object): object => ({
    ...request(3),
    campaigns: [request(3).campaigns[0], { ...request(3).campaigns[1], ...change }],
  });
  const rows = (change: object) => {
    const { steps } = request(3).campaigns[1]!;
    return campaigns({ steps: [steps[0], { ...steps[1], ...change }, steps[2]] });
  };
  const firstRow = (row: unknown) =>
    campaigns({ steps: [row, ...request(3).campaigns[1]!.steps.slice(1)] });
  const lastRow = (row: unknown) =>
    campaigns({ steps: [...request(3).campaigns[1]!.steps.slice(0, 2), row] });
  const { cost: _cost, ...withoutCost } = request(3).campaigns[0]!.steps[0]!;
  it.each([
    ['body', 'not an object', []],
    ['day', 'an impossible day', { ...request(3), day: '2026-02-30' }],
    ['step', 'step 96', { ...request(3), step: 96 }],
    ['step', 'half a step', { ...request(3), step: 1.5 }],
    ['campaigns', 'no campaigns', { ...request(3), campaigns: [] }],
    ['campaigns.0.steps', 'too few rows', { ...request(3), step: 4 }],
    ['campaigns.1.id', 'an empty id', campaigns({ id: '' })],
    ['campaigns.1.budget', 'a budget in currency', campaigns({ budget: 1.5 })],
    ['campaigns.1.remaining', 'more left than the budget', campaigns({ remaining: 1e12 })],
    ['campaigns.1.steps.1.cost', 'a negative cost', rows({ cost: -1 })],
    ['campaigns.1.steps.1.pv', 'a fraction', rows({ pv: 0.5 })],
    ['campaigns.1.steps.1.pv', 'a text', rows({ pv: '5' })],
    ['campaigns.1.steps.1.bid', 'beyond exact integers', rows({ bid: 2 ** 60 })],
    ['campaigns.1.steps.1', 'a column it does not know', rows({ extra: 1 })],
    ['campaigns.1.steps.0.cost', 'a missing column', firstRow(withoutCost)],
    ['campaigns.1.steps.2', 'a row that is not an object', lastRow(7)],
  ] as const)('names %s for %s', (field, _, body) => {
    let error: unknown;
    try {
      parseScales(JSON.stringify(body));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'BIDDER_REQUEST', details: { field } });
  });
  it('is not fooled by __proto__', () => {
    const text = JSON.stringify(request(1)).replace('"id"', '"__proto__":{"x":1},"id"');
    try {
      parseScales(text);
    } catch (error) {
      expect(error).toMatchObject({ code: 'BIDDER_REQUEST' });
    }
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});
