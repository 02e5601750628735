import { type BidderOptions, startBidder } from './bidder.ts';

/**
 * Runs a bidder as this process's whole work, until SIGTERM, SIGINT, or the parent that forked it is
 * gone; then it answers what it was asked and returns. `onReady` gets the port.
 * @throws VamoError as `startBidder`
 */
export async function runBidder(
  options: Omit<BidderOptions, 'pid' | 'now' | 'clock'>,
  onReady: (port: number) => void = () => undefined,
): Promise<void> {
  const asked = new Promise<void>((resolve) => {
    for (const event of ['SIGTERM', 'SIGINT', 'disconnect'] as const)
      process.once(event, () => resolve());
  });
  const bidder = await startBidder({
    ...options,
    pid: process.pid,
    now: Date.now,
    clock: () => performance.now(),
  });
  onReady(bidder.port);
  await asked;
  await bidder.close();
}
