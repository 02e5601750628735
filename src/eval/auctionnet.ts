/**
 * AuctionNet's score of a period: reward, times (limit/cpa)^2 where the cost per action passes its
 * limit. The divisor carries AuctionNet's 1e-10.
 */
export function cpaScore(period: {
  readonly reward: number;
  readonly cpa: number;
  readonly limit: number;
}): number {
  const { reward, cpa, limit } = period;
  return cpa > limit ? reward * (limit / (cpa + 1e-10)) ** 2 : reward;
}

/** AuctionNet's offline replay of one impression: win at or above the least winning cost, and pay it. */
export function replayThreshold(
  bid: number,
  leastWinningCost: number,
): { readonly won: boolean; readonly cost: number } {
  const won = bid >= leastWinningCost;
  return { won, cost: won ? leastWinningCost : 0 };
}
