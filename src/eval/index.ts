export { playDay, type Market, type MarketCampaign, type Policy } from './market.ts';
export { createReplayMarket, type ReplayRules } from './replay.ts';
export {
  bangBangPolicy,
  constantPolicy,
  loggedPolicy,
  pidPolicy,
  plannerPolicy,
} from './policies.ts';
export {
  bestConstant,
  bestConstantPolicy,
  CONSTANT_GRID,
  dayEfficiencies,
} from './best-constant.ts';
export { deltaM, pairedInterval, returnsByTask, taskRatios } from './metrics.ts';
export { clearingAlphas, hindsightAlphas, spendCurves } from './clearing.ts';
export { evaluate } from './evaluate.ts';
export { cpaScore, replayThreshold } from './auctionnet.ts';
export { anchorPolicies } from './anchors.ts';
