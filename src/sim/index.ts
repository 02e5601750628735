export {
  playBatch,
  shownSlots,
  SLOTS,
  type AuctionRules,
  type Batch,
  type BatchDraws,
  type BatchResult,
  type OverspendRound,
} from './auction.ts';
export {
  auctionNetTrajectory,
  type LoggedPeriod,
  type LoggedStep,
  type PeriodRow,
} from './auctionnet.ts';
export type {
  Behaviour,
  SimulationConfig,
  TaskSettings,
  World,
  WorldCampaign,
  WorldTask,
} from './settings.ts';
export { createWorld, dayAt, dayIndex } from './world.ts';
export { type Carry, EMPTY_CARRY, type PendingReward } from './carry.ts';
export { createDayMarket, type DayMarket, type DayMarketOptions } from './day-market.ts';
export {
  everySecondCampaign,
  simulateDay,
  type Controller,
  type SimulatedDay,
  type StepDecision,
  type StepView,
} from './simulate-day.ts';
