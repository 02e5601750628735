export {
  SLOTS,
  createRanking,
  playBatch,
  rankBids,
  shownSlots,
  slotPrice,
  soldSlots,
  type AuctionRules,
  type Batch,
  type BatchDraws,
  type OverspendRound,
  type Ranking,
} from './auction.ts';
export {
  auctionNetScore,
  auctionNetTrajectory,
  offlineReplay,
  type LoggedPeriod,
  type LoggedStep,
  type PeriodRow,
} from './auctionnet.ts';
