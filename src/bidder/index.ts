export { runBidder } from './bidder-process.ts';
export { readFleet, waitForConvergence, type Fleet, type FleetOptions } from './fleet.ts';
export { isBidderId, type BidderAck } from './ack.ts';
export { loadModel, type ServedFiles } from './model.ts';
export { parseScales, scalesRequest } from './request.ts';
