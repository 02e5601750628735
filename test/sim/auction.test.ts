import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createRanking,
  NO_BID,
  playBatch,
  rankBids,
  slotPrice,
  soldSlots,
} from '../../src/sim/auction.ts';

const RESERVE = 10;
const someBids = fc.array(fc.integer({ min: NO_BID, max: 40 }), { minLength: 1, maxLength: 12 });

describe('ranking', () => {
  it('keeps the four highest bids at or above the reserve, ties to the lower index', () => {
    fc.assert(
      fc.property(someBids, (bids) => {
        const ranking = createRanking();
        rankBids(Float64Array.from(bids), bids.length, RESERVE, ranking);
        const expected = bids
          .map((bid, owner) => ({ bid, owner }))
          .filter(({ bid }) => bid >= RESERVE)
          .sort((a, b) => b.bid - a.bid || a.owner - b.owner)
          .slice(0, 4);
        const found = expected.map((_, k) => ({
          bid: ranking.bids[k],
          owner: ranking.owners[k],
        }));
        expect(ranking.count).toBe(expected.length);
        expect(found).toEqual(expected);
      }),
    );
  });

  it('charges the next bid or the reserve, and never more than the bid', () => {
    fc.assert(
      fc.property(someBids, (bids) => {
        const ranking = createRanking();
        rankBids(Float64Array.from(bids), bids.length, RESERVE, ranking);
        for (let slot = 1; slot <= soldSlots(ranking, { reserve: RESERVE }); slot++) {
          const price = slotPrice(ranking, slot, RESERVE);
          expect(price).toBeGreaterThanOrEqual(RESERVE);
          expect(price).toBeLessThanOrEqual(ranking.bids[slot - 1]!);
        }
      }),
    );
  });
});

describe('a batch of auctions', () => {
  const batch = (bids: number[][], remaining: number[]) => ({
    impressions: bids.length,
    bidders: remaining.length,
    bids: Float64Array.from(bids.flat()),
    remaining: Float64Array.from(remaining),
  });

  it('never spends more than what is left, one auction after another', () => {
    const bids = fc.array(
      fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 3, maxLength: 3 }),
      {
        minLength: 1,
        maxLength: 20,
      },
    );
    const remaining = fc.array(fc.integer({ min: 0, max: 200 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(bids, remaining, fc.integer({ min: 1, max: 3 }), (b, left, shown) => {
        const [round] = playBatch(batch(b, left), { reserve: 1 }, { shown: () => shown });
        left.forEach((most, j) => expect(round!.cost[j]).toBeLessThanOrEqual(most));
      }),
    );
  });

  it('gives a position at the reserve price away by default and voids it on request', () => {
    const one = batch([[50, 40]], [1000, 1000]);
    const draws = { shown: () => 3 };
    const [sold] = playBatch(one, { reserve: RESERVE }, draws);
    const [voided] = playBatch(one, { reserve: RESERVE, voidAtReserve: true }, draws);
    expect([...sold!.slot]).toEqual([1, 2]);
    expect([...sold!.cost]).toEqual([40, RESERVE]);
    expect([...voided!.slot]).toEqual([1, 0]);
    expect([...voided!.cost]).toEqual([40, 0]);
  });

  it('pays only for positions that were shown', () => {
    const [round] = playBatch(
      batch([[50, 40, 30]], [1000, 1000, 1000]),
      { reserve: RESERVE },
      { shown: () => 2 },
    );
    expect([...round!.slot]).toEqual([1, 2, 3]);
    expect([...round!.cost]).toEqual([40, 30, 0]);
  });
});
