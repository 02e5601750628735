/** Positions of an auction and the probability that each is shown (position 3 also needs 2). */
export const SLOTS = 3;
export const SHOWN_PROBABILITY = [1, 0.8, 0.6] as const;

/** A bid that does not take part. */
export const NO_BID = -1;

/** Money in any one unit; the simulator uses micro-units. Both switches are off in the simulator. */
export interface AuctionRules {
  readonly reserve: number;
  /** AuctionNet's rule: a position whose price is the reserve is not sold. */
  readonly voidAtReserve?: boolean;
  /** AuctionNet's budgets: whole steps are re-run without the bids in excess (`playBatch`). */
  readonly batchOverspend?: boolean;
}

/** The four highest bids of an auction, descending. */
export interface Ranking {
  readonly owners: Int32Array;
  readonly bids: Float64Array;
  count: number;
}

export function createRanking(): Ranking {
  return { owners: new Int32Array(SLOTS + 1), bids: new Float64Array(SLOTS + 1), count: 0 };
}

/** Ranks the first `n` bids at or above the reserve; ties go to the lower index. */
export function rankBids(bids: Float64Array, n: number, reserve: number, into: Ranking): void {
  const { owners, bids: top } = into;
  let count = 0;
  for (let i = 0; i < n; i++) {
    const bid = bids[i] ?? NO_BID;
    if (bid < reserve || (count > SLOTS && bid <= (top[SLOTS] ?? 0))) continue;
    let at = count > SLOTS ? SLOTS : count++;
    for (; at > 0 && (top[at - 1] ?? 0) < bid; at--) {
      top[at] = top[at - 1] ?? 0;
      owners[at] = owners[at - 1] ?? 0;
    }
    top[at] = bid;
    owners[at] = i;
  }
  into.count = count;
}

/** Generalised second price of position 1..3: the next bid, or the reserve. */
export function slotPrice(ranking: Ranking, slot: number, reserve: number): number {
  return slot < ranking.count ? Math.max(ranking.bids[slot] ?? 0, reserve) : reserve;
}

/** How many positions are sold, from the top. */
export function soldSlots(ranking: Ranking, rules: AuctionRules): number {
  let sold = Math.min(SLOTS, ranking.count);
  if (rules.voidAtReserve)
    while (sold > 0 && slotPrice(ranking, sold, rules.reserve) === rules.reserve) sold--;
  return sold;
}

/** Positions shown, 1..3, given the draws of the second and the third. */
export function shownSlots(second: boolean, third: boolean): number {
  if (!second) return 1;
  return third ? 3 : 2;
}

/** A step's auctions; matrices are row-major [impression][bidder]. */
export interface Batch {
  readonly impressions: number;
  readonly bidders: number;
  readonly bids: Float64Array;
  /** What each bidder may still spend. */
  readonly remaining: Float64Array;
}

interface BatchResult {
  /** Position won, 0 = lost. */
  readonly slot: Uint8Array;
  /** Price of the position won, paid only if shown. */
  readonly price: Float64Array;
  readonly exposed: Uint8Array;
  /** Paid, per bidder. */
  readonly cost: Float64Array;
}

/** One re-run of a step under `batchOverspend`. */
export interface OverspendRound extends BatchResult {
  /** The bids of this round. */
  readonly bids: Float64Array;
  /** Share of its impressions each bidder gives up. */
  readonly overCostRatio: Float64Array;
  /** Row-major [bidder][position]. */
  readonly wonPerSlot: Int32Array;
  readonly toDropPerSlot: Int32Array;
}

/** What chance decides: the positions shown, and which bids over budget are taken out. */
export interface BatchDraws {
  shown(round: number, impression: number): number;
  /** Pairs [impression, bidder] whose bids become 0 before the next round. */
  dropped?(round: number): readonly (readonly [number, number])[];
}

function playOnce(
  batch: Batch,
  rules: AuctionRules,
  draws: BatchDraws,
  round: number,
): BatchResult {
  const { impressions, bidders, bids, remaining } = batch;
  const size = impressions * bidders;
  const result = {
    slot: new Uint8Array(size),
    price: new Float64Array(size),
    exposed: new Uint8Array(size),
    cost: new Float64Array(bidders),
  };
  const ranking = createRanking();
  const playing = new Float64Array(bidders);
  for (let i = 0; i < impressions; i++) {
    for (let j = 0; j < bidders; j++) {
      const bid = bids[i * bidders + j] ?? 0;
      const left = (remaining[j] ?? 0) - (result.cost[j] ?? 0);
      playing[j] = rules.batchOverspend || bid <= left ? bid : NO_BID;
    }
    rankBids(playing, bidders, rules.reserve, ranking);
    const sold = soldSlots(ranking, rules);
    const shown = draws.shown(round, i);
    for (let slot = 1; slot <= sold; slot++) {
      const bidder = ranking.owners[slot - 1] ?? 0;
      const price = slotPrice(ranking, slot, rules.reserve);
      result.slot[i * bidders + bidder] = slot;
      result.price[i * bidders + bidder] = price;
      if (slot > shown) continue;
      result.exposed[i * bidders + bidder] = 1;
      result.cost[bidder] = (result.cost[bidder] ?? 0) + price;
    }
  }
  return result;
}

/** Who spent too much, and how many of the impressions won must be given up (AuctionNet's rule). */
function overspending(batch: Batch, played: BatchResult): OverspendRound {
  const { impressions, bidders, remaining } = batch;
  const overCostRatio = new Float64Array(bidders);
  const wonPerSlot = new Int32Array(bidders * SLOTS);
  for (let i = 0; i < impressions * bidders; i++) {
    const slot = played.slot[i] ?? 0;
    const at = (i % bidders) * SLOTS + slot - 1;
    if (slot > 0) wonPerSlot[at] = (wonPerSlot[at] ?? 0) + 1;
  }
  for (let j = 0; j < bidders; j++) {
    const cost = played.cost[j] ?? 0;
    const over = cost - (remaining[j] ?? 0);
    if (over > 0) overCostRatio[j] = over / (cost + 1e-4);
  }
  const toDropPerSlot = wonPerSlot.map((won, at) =>
    Math.ceil(won * (overCostRatio[Math.floor(at / SLOTS)] ?? 0)),
  );
  return {
    ...played,
    bids: Float64Array.from(batch.bids),
    overCostRatio,
    wonPerSlot,
    toDropPerSlot,
  };
}

/**
 * Plays a step. By default one auction after another, where a bid over what is left does not take
 * part; with `batchOverspend` all at once, re-run without the drawn drops until nobody overspends.
 * The last round is the outcome.
 */
export function playBatch(batch: Batch, rules: AuctionRules, draws: BatchDraws): OverspendRound[] {
  const bids = Float64Array.from(batch.bids);
  const rounds: OverspendRound[] = [];
  for (;;) {
    const current = { ...batch, bids };
    const round = overspending(current, playOnce(current, rules, draws, rounds.length));
    rounds.push(round);
    const drops = draws.dropped?.(rounds.length - 1) ?? [];
    if (!rules.batchOverspend || drops.length === 0 || round.toDropPerSlot.every((n) => n === 0))
      return rounds;
    for (const [impression, bidder] of drops) bids[impression * batch.bidders + bidder] = 0;
  }
}
