import { describe, expect, it, onTestFinished } from 'vitest';
import { readRelease, releaseKey } from '../../src/contracts/index.ts';
import { overrideGate, openReleases } from '../../src/publisher/index.ts';
import { smallDraft } from '../helpers/bidder-model.ts';
import { BY, CHANNEL, flipBit, PASS, setUp } from '../helpers/publisher-setup.ts';

async function withVersions(count: number) {
  const setup = await setUp(onTestFinished);
  const versions: string[] = [];
  for (let seed = 1; seed <= count; seed++)
    versions.push((await setup.registry.putCheckpoint(smallDraft(seed))).manifest.version);
  const publish = (version: string) => setup.releases.publish({ version, gate: PASS, ...BY });
  return { ...setup, versions, publish };
}

describe('the release log', () => {
  it('starts empty', async () => {
    const { releases } = await setUp(onTestFinished);
    expect(await releases.head()).toBeNull();
    expect(await releases.history()).toEqual([]);
  });
  it('rises by one, each record naming the one before', async () => {
    const { releases, versions, publish } = await withVersions(2);
    const first = await publish(versions[0]!);
    const second = await publish(versions[1]!);
    expect([first.record.epoch, second.record.epoch]).toEqual([1, 2]);
    expect(second.record.prev).toBe(first.sha256);
    expect(second.record.previous?.version).toBe(versions[0]);
    expect((await releases.history()).map(({ record }) => record.epoch)).toEqual([1, 2]);
  });
  it('does not change when the champion is published again', async () => {
    const { releases, versions, publish } = await withVersions(1);
    const first = await publish(versions[0]!);
    expect((await publish(versions[0]!)).sha256).toBe(first.sha256);
    expect(await releases.history()).toHaveLength(1);
  });
  it('rolls back by a new record that points at the old digest, and forward again', async () => {
    const { releases, versions, publish } = await withVersions(2);
    const first = await publish(versions[0]!);
    await publish(versions[1]!);
    const back = await releases.rollback(BY);
    expect(back.record).toMatchObject({ epoch: 3, action: 'rollback' });
    expect(back.record.champion).toEqual(first.record.champion);
    const forward = await releases.rollback({ ...BY, to: versions[1]! });
    expect(forward.record).toMatchObject({ epoch: 4, champion: { version: versions[1] } });
  });
  it('has nothing to roll back to after one release', async () => {
    const { releases, versions, publish } = await withVersions(1);
    await expect(releases.rollback(BY)).rejects.toMatchObject({ code: 'VERSION_UNKNOWN' });
    await publish(versions[0]!);
    await expect(releases.rollback(BY)).rejects.toMatchObject({ code: 'VERSION_UNKNOWN' });
    await expect(releases.rollback({ ...BY, to: versions[0]! })).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
  it('publishes what the gate held only when overridden, and signs who did it', async () => {
    const { releases, versions } = await withVersions(1);
    const held = { ...PASS, outcome: 'hold', reasons: ['store: 0.9'] } as const;
    const request = { version: versions[0]!, ...BY };
    const gate = { ...held, reasons: [...held.reasons] };
    await expect(releases.publish({ ...request, gate })).rejects.toMatchObject({
      code: 'RELEASE_REFUSED',
      message: expect.stringContaining('store: 0.9') as string,
    });
    const { record } = await releases.publish({
      ...request,
      gate: overrideGate(gate, 'alice', 'known'),
    });
    expect(record.gate).toEqual({
      outcome: 'hold',
      overridden: { actor: 'alice', reason: 'known' },
    });
  });
  it('lets one of two publishers win an epoch; the other hears of the race', async () => {
    const { store, keys, versions, releases } = await withVersions(2);
    let arrived = 0;
    let open: () => void;
    const both = new Promise<void>((resolve) => (open = resolve));
    const meeting = {
      ...store,
      putIfAbsent: async (key: string, bytes: Uint8Array) => {
        if (++arrived === 2) open();
        await both;
        return store.putIfAbsent(key, bytes);
      },
    };
    const results = await Promise.allSettled(
      versions.map((version) =>
        openReleases(meeting, keys, { channel: CHANNEL, now: () => 1 }).publish({
          version,
          gate: PASS,
          ...BY,
        }),
      ),
    );
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const lost = results.find((r) => r.status === 'rejected');
    expect(lost?.reason).toMatchObject({ code: 'RELEASE_RACE', retriable: true });
    expect(await releases.history()).toHaveLength(1);
  });
  it('refuses a version whose gate compared with another champion', async () => {
    const { releases, versions, publish } = await withVersions(2);
    const request = { version: versions[1]!, gate: PASS, ...BY };
    await expect(
      releases.publish({ ...request, expectedChampion: versions[0]! }),
    ).rejects.toMatchObject({ code: 'RELEASE_RACE' });
    await publish(versions[0]!);
    await expect(releases.publish({ ...request, expectedChampion: null })).rejects.toMatchObject({
      code: 'RELEASE_RACE',
    });
    expect(await releases.history()).toHaveLength(1);
    const { record } = await releases.publish({ ...request, expectedChampion: versions[0]! });
    expect(record.epoch).toBe(2);
  });
  it('finds a flipped bit and a record in a place that is not its own', async () => {
    const { store, keys, releases, versions, publish } = await withVersions(2);
    await publish(versions[0]!);
    const copied = releaseKey(CHANNEL, 1, 2);
    await store.put(copied, await store.get(releaseKey(CHANNEL, 1, 1)));
    await expect(
      readRelease(store, { key: copied, generation: 1, epoch: 2 }, CHANNEL, keys.trusted),
    ).rejects.toMatchObject({ code: 'RELEASE_REFUSED' });
    await store.remove(copied);
    await flipBit(store, releaseKey(CHANNEL, 1, 1), 100);
    await expect(releases.head()).rejects.toMatchObject({ code: 'RELEASE_SIGNATURE' });
  });
});
