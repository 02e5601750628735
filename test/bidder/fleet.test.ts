import { describe, expect, it, onTestFinished } from 'vitest';
import { type BidderAck, readFleet, waitForConvergence } from '../../src/bidder/index.ts';
import { jsonBytes, releaseKey } from '../../src/contracts/index.ts';
import { smallDraft } from '../helpers/bidder-model.ts';
import { BY, CHANNEL, PASS, setUp } from '../helpers/publisher-setup.ts';

const NOW = 1_000_000;

async function fleetOf(acks: readonly Partial<BidderAck>[]) {
  const setup = await setUp(onTestFinished);
  const { manifest } = await setup.registry.putCheckpoint(smallDraft(1));
  const { record } = await setup.releases.publish({
    version: manifest.version,
    gate: PASS,
    ...BY,
  });
  for (const [i, ack] of acks.entries()) {
    const whole: BidderAck = {
      schema: 'ack/v1',
      bidder: `b${i}`,
      pid: 1,
      port: 1,
      generation: 1,
      epoch: 1,
      state: 'active',
      activeVersion: record.champion.version,
      activeDigest: record.champion.manifest,
      reason: null,
      loadMs: 1,
      selfTestMaxError: 0,
      at: NOW,
      ...ack,
    };
    await setup.store.put(`fleet/b${i}/ack.json`, jsonBytes(whole));
  }
  let now = NOW;
  const clock = () => (now += 10);
  return { ...setup, options: { channel: CHANNEL, trusted: setup.keys.trusted, now: clock } };
}

describe('the fleet', () => {
  it('tells live, behind, rejected and silent apart', async () => {
    const { store, options } = await fleetOf([
      {},
      { epoch: 0, activeDigest: null, state: 'idle' },
      { state: 'rejected', reason: 'why' },
      { at: NOW - 60_000 },
      { state: 'stopped' },
      { activeDigest: 'f'.repeat(64) },
    ]);
    const { bidders, head } = await readFleet(store, options);
    const seen = bidders.map(({ condition }) => condition);
    expect(seen).toEqual(['live', 'behind', 'rejected', 'silent', 'silent', 'behind']);
    expect(head?.epoch).toBe(1);
  });
  it('is measured against the newest record that is signed', async () => {
    const { store, options } = await fleetOf([{}]);
    await store.put(releaseKey(CHANNEL, 1, 2), new TextEncoder().encode('{}'));
    expect((await readFleet(store, options)).bidders[0]?.condition).toBe('live');
  });
  it('has converged when those that speak are live, and says who is not', async () => {
    const good = await fleetOf([{}, {}, { at: 0 }]);
    const converged = await waitForConvergence(good.store, {
      ...good.options,
      bidders: 2,
      timeoutMs: 0,
    });
    expect(converged.bidders).toHaveLength(3);
    const bad = await fleetOf([{}, {}, { state: 'rejected', reason: 'bad graph' }]);
    await expect(
      waitForConvergence(bad.store, { ...bad.options, bidders: 2, timeoutMs: 50 }),
    ).rejects.toMatchObject({
      code: 'FLEET_NOT_CONVERGED',
      message: expect.stringContaining('b2 rejected (bad graph)') as string,
    });
    await expect(
      waitForConvergence(good.store, { ...good.options, bidders: 3, timeoutMs: 50 }),
    ).rejects.toMatchObject({ code: 'FLEET_NOT_CONVERGED' });
  });
});
