export { playBatch, shownSlots, SLOTS, type BatchDraws, type OverspendRound } from './auction.ts';
export { auctionNetTrajectory, type LoggedPeriod } from './auctionnet.ts';
export { createWorld, createSlotWorld, dayAt } from './world.ts';
export { type Carry, EMPTY_CARRY } from './carry.ts';
export { createSlotMarket, simulateSlotDay } from './slot-market.ts';
export { createDayMarket } from './day-market.ts';
export {
  everySecondCampaign,
  simulateDay,
  type Controller,
  type SimulatedDay,
  type StepView,
} from './simulate-day.ts';
