import { expect, it, onTestFinished } from 'vitest';
import { readFleet, runBidder } from '../../src/bidder/index.ts';
import { silentLogger } from '../../src/core/index.ts';
import { CHANNEL, setUp } from '../helpers/publisher-setup.ts';

it('a bidder that was asked to stop before it was up comes up and stops', async () => {
  const { store, keys } = await setUp(onTestFinished);
  const stop = new AbortController();
  stop.abort();
  const ports: number[] = [];
  await runBidder(
    {
      id: 'b1',
      store,
      trusted: keys.trusted,
      channel: CHANNEL,
      port: 0,
      pollMs: 50,
      log: silentLogger,
      signal: stop.signal,
    },
    (port) => ports.push(port),
  );
  expect(ports).toHaveLength(1);
  const fleet = { channel: CHANNEL, trusted: keys.trusted, now: Date.now };
  const { bidders } = await readFleet(store, fleet);
  expect(bidders.map(({ ack }) => ack.state)).toEqual(['stopped']);
}, 10_000);
