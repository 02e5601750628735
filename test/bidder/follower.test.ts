import { describe, expect, it, onTestFinished } from 'vitest';
import { createFollower } from '../../src/bidder/follower.ts';
import type { ModelHost } from '../../src/bidder/model-host.ts';
import { ownFiles } from '../../src/bidder/own-files.ts';
import { createLogger } from '../../src/core/index.ts';
import { smallDraft } from '../helpers/bidder-model.ts';
import { BY, CHANNEL, PASS, setUp } from '../helpers/publisher-setup.ts';

const POLL_MS = 100;

/** A follower on a store of its own whose model workers start, fail and die as the test says. */
async function followed() {
  const { registry, releases, store, keys } = await setUp(onTestFinished);
  const { manifest } = await registry.putCheckpoint(smallDraft(1));
  await releases.publish({ version: manifest.version, gate: PASS, ...BY });
  const world = { now: 0, fail: false, starts: 0, alive: true, told: 0 };
  const follow = () =>
    createFollower({
      store,
      own: ownFiles(store, 'b1'),
      channel: CHANNEL,
      trusted: keys.trusted,
      startHost: () => {
        world.starts++;
        if (world.fail) return Promise.reject(new Error('no memory'));
        world.alive = true;
        const host: Pick<ModelHost, 'alive' | 'retire'> = {
          get alive() {
            return world.alive;
          },
          retire: () => Promise.resolve(),
        };
        return Promise.resolve(host as ModelHost);
      },
      clock: () => world.now,
      pollMs: POLL_MS,
      log: createLogger('error'),
      onChange: () => {
        world.told++;
      },
    });
  const first = follow();
  await first.reconcile();
  expect(first.status.state).toBe('active');
  return { world, first, again: follow(), registry, releases };
}

describe('a follower that has a trusted record and serves nothing', () => {
  it('keeps the reason, and comes back by itself when what failed is over', async () => {
    const { world, again } = await followed();
    world.fail = true;
    await again.restore();
    await again.reconcile();
    expect(again.active).toBeNull();
    expect(again.status).toMatchObject({
      state: 'rejected',
      reason: expect.stringContaining('no memory') as string,
    });
    world.fail = false;
    world.now += 10 * POLL_MS;
    await again.reconcile();
    expect(again.status).toMatchObject({ state: 'active', reason: null });
    expect(again.active).not.toBeNull();
  });
  it('tries less and less often', async () => {
    const { world, first } = await followed();
    world.alive = false;
    world.fail = true;
    world.starts = 0;
    for (let poll = 0; poll < 62; poll++) {
      await first.reconcile();
      expect(first.status.state).toBe('rejected');
      world.now += POLL_MS;
    }
    // At polls 0, 2, 6, 14, 30; the next would be at 62.
    expect(world.starts).toBe(5);
    world.fail = false;
    await first.reconcile();
    expect(first.status.state).toBe('active');
  });
});

it('a follower that moves from one version to another tells of it at once', async () => {
  const { world, first, registry, releases } = await followed();
  const { manifest } = await registry.putCheckpoint(smallDraft(2));
  await releases.publish({ version: manifest.version, gate: PASS, ...BY });
  world.told = 0;
  await first.reconcile();
  expect([first.active?.version, first.status.epoch]).toEqual([manifest.version, 2]);
  expect(world.told).toBeGreaterThan(0);
});
