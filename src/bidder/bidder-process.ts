import { type BidderOptions, startBidder } from './bidder.ts';

/**
 * Runs a bidder as this process's whole work, until the signal is aborted or the parent that forked
 * it is gone; then it answers what it was asked and returns. A stop that was asked for before the
 * bidder is up counts as well. `onReady` gets the port.
 * @throws VamoError as `startBidder`
 */
export async function runBidder(
  options: Omit<BidderOptions, 'pid' | 'now' | 'clock'> & { readonly signal: AbortSignal },
  onReady: (port: number) => void = () => undefined,
): Promise<void> {
  const asked = new Promise<void>((resolve) => {
    const { signal } = options;
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
    process.once('disconnect', () => resolve());
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
