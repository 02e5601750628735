export { startBidder, type Bidder, type BidderOptions } from './bidder.ts';
export { runBidder } from './bidder-process.ts';
export {
  readFleet,
  waitForConvergence,
  type Condition,
  type Fleet,
  type FleetOptions,
} from './fleet.ts';
export { type BidderAck } from './ack.ts';
export { type BidderStore } from './own-files.ts';
export { loadModel, type Model, type Scales, type ServedFiles } from './model.ts';
export { MAX_REQUEST_BYTES, parseScales, scalesRequest, type ScalesRequest } from './request.ts';
