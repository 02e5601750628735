import { describe, expect, it } from 'vitest';
import { decideGate, holdRolledBack, overrideGate } from '../../src/publisher/index.ts';
import { smallEvaluation } from '../helpers/bidder-model.ts';

const thresholds = { floorVersusBangBang: 0.5, ratioVersusChampion: 0.95 };
const ones = new Array<number>(20).fill(1);
const times = (x: number): number[] => ones.map(() => x);
/** Half far above, half far below: a mean under the threshold with a wide interval. */
const uneven = ones.map((_, i) => (i % 4 < 2 ? 0.1 : 1.7));
const decide = (
  candidate: ReturnType<typeof smallEvaluation>,
  champion: ReturnType<typeof smallEvaluation> | null,
) => decideGate(candidate, champion, thresholds, { seed: 1 });

describe('the gate without a champion', () => {
  it.each([
    ['passes at half of bang-bang', 0.5, 'pass'],
    ['fails clearly below it', 0.4, 'fail'],
  ] as const)('%s', (_, share, outcome) => {
    const decided = decide(smallEvaluation({ candidate: times(share), bangbang: ones }), null);
    expect(decided.outcome).toBe(outcome);
    expect(decided.tasks['store']?.ratio.mean).toBeCloseTo(share, 12);
    expect(decided.reasons.join()).toContain(share.toFixed(3));
  });
  it('holds when there is no bang-bang result', () => {
    expect(decide(smallEvaluation({ candidate: ones }), null).outcome).toBe('hold');
  });
  it('holds when bang-bang earned nothing', () => {
    const decided = decide(smallEvaluation({ candidate: ones, bangbang: times(0) }), null);
    expect(decided.outcome).toBe('hold');
    expect(decided.reasons[0]).toContain('no ratio');
  });
});

describe('the gate with a champion', () => {
  const champion = smallEvaluation({ candidate: ones });
  it.each([
    ['passes at the threshold', times(0.95), 'pass'],
    ['passes above it', times(1.2), 'pass'],
    ['fails when the whole interval is below', times(0.94), 'fail'],
    ['holds when the mean is below but the interval is not', uneven, 'hold'],
  ] as const)('%s', (_, returns, outcome) => {
    expect(decide(smallEvaluation({ candidate: returns }), champion).outcome).toBe(outcome);
  });
  it('fails when one task of two fails', () => {
    const returns = ones.map((_, i) => (i % 2 === 0 ? 2 : 0.5));
    const decided = decide(smallEvaluation({ candidate: returns }), champion);
    expect(decided.outcome).toBe('fail');
    expect(decided.reasons.find((r) => r.startsWith('cart'))).toContain('0.500');
  });
  it.each([
    ['another day', { day: '2026-01-11' }],
    ['another partition', { partitionDigest: 'q' }],
  ])('holds for %s', (_, changes) => {
    const candidate = smallEvaluation({ candidate: times(2) });
    const other = smallEvaluation({ candidate: ones }, changes);
    expect(decide(candidate, other).outcome).toBe('hold');
  });
  it.each([
    ['fewer campaigns', ones.slice(1), ones],
    ['more campaigns', ones, ones.slice(1)],
    ['no campaigns at all', [], []],
  ])('holds for %s', (_, own, others) => {
    const decided = decide(
      smallEvaluation({ candidate: own }),
      smallEvaluation({ candidate: others }),
    );
    expect(decided.outcome).toBe('hold');
  });
  const isStore = (r: { readonly task: string }): boolean => r.task === 'store';
  const ofStore = (returns: readonly number[]) => {
    const whole = smallEvaluation({ candidate: returns });
    const { candidate = [] } = whole.policies;
    return { ...whole, policies: { candidate: candidate.filter(isStore) }, unknownTasks: ['cart'] };
  };
  it.each([
    ['passes', ones, 'pass'],
    ['fails', times(0.5), 'fail'],
  ] as const)('%s on the tasks both know, and names the other', (_, returns, outcome) => {
    const decided = decide(smallEvaluation({ candidate: returns }), ofStore(ones));
    expect(decided.outcome).toBe(outcome);
    expect(Object.keys(decided.tasks)).toEqual(['store']);
    expect(decided.reasons).toHaveLength(2);
    expect(decided.reasons[1]).toBe(
      'cart: champion v does not know it, left out of the comparison',
    );
  });
  it('keeps a task that the champion does not know safe', () => {
    const candidate = smallEvaluation({ candidate: ones });
    const cart = candidate.policies['candidate']!.findIndex((r) => !isStore(r));
    candidate.policies['candidate']![cart] = {
      ...candidate.policies['candidate']![cart]!,
      cost: 3,
    };
    expect(decide(candidate, ofStore(ones)).outcome).toBe('fail');
  });
  it('holds when the champion knows none of the tasks', () => {
    const none = smallEvaluation({ candidate: [] }, { unknownTasks: ['store', 'cart'] });
    const decided = decide(smallEvaluation({ candidate: ones }), none);
    expect([decided.outcome, decided.reasons.length]).toEqual(['hold', 3]);
  });
  it('holds a candidate without a task that the champion knows', () => {
    const { unknownTasks: _, ...narrow } = ofStore(times(2));
    expect(decide(narrow, champion).outcome).toBe('hold');
  });
  it('gives the same interval for the same seed', () => {
    const candidate = smallEvaluation({ candidate: uneven });
    expect(decide(candidate, champion)).toEqual(decide(candidate, champion));
  });
});

describe('a version that was rolled back', () => {
  const rollback = { epoch: 3, actor: 'ann', reason: 'bad in production' };
  it.each([
    [1.2, 'hold'],
    [0.1, 'fail'],
  ] as const)('that earns %d times as much: %s, saying who rolled it back', (share, outcome) => {
    const champion = smallEvaluation({ candidate: ones });
    const decided = decide(smallEvaluation({ candidate: times(share) }), champion);
    const held = holdRolledBack(decided, 'r1', rollback);
    expect([held.outcome, held.tasks, held.overridden]).toEqual([outcome, decided.tasks, null]);
    expect(held.reasons.slice(0, -1)).toEqual(decided.reasons);
    expect(held.reasons.at(-1)).toContain(
      'r1 was rolled back by epoch 3 (ann: "bad in production")',
    );
  });
});

describe('safety', () => {
  it('fails a return that is not finite, whatever the ratio', () => {
    const returns = ones.map((x, i) => (i === 3 ? Number.NaN : x * 9));
    const decided = decide(smallEvaluation({ candidate: returns, bangbang: ones }), null);
    expect(decided.outcome).toBe('fail');
    expect(decided.reasons).toHaveLength(1);
    expect(decided.reasons[0]).toContain('c3');
  });
  it('fails a campaign that spent more than its budget', () => {
    const candidate = smallEvaluation({ candidate: times(9), bangbang: ones });
    const first = candidate.policies['candidate']![0]!;
    const over = { ...first, cost: first.budget + 0.01 };
    candidate.policies['candidate']![0] = over;
    const decided = decide(candidate, null);
    expect(decided.outcome).toBe('fail');
    expect(decided.reasons[0]).toContain('2.01');
  });
  it('keeps the verdict and names who overrode it', () => {
    const decided = decide(smallEvaluation({ candidate: times(0.1), bangbang: ones }), null);
    const overridden = overrideGate(decided, 'alice', 'first night');
    expect(overridden.outcome).toBe('fail');
    expect(overridden.overridden).toEqual({ actor: 'alice', reason: 'first night' });
  });
});
