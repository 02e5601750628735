import { describe, expect, it, onTestFinished } from 'vitest';
import {
  acceptRecord,
  initialTrust,
  MAX_EPOCH_STEP,
  readRelease,
  releaseKey,
  type ReleaseRecord,
  signRecord,
} from '../../src/contracts/index.ts';
import { overrideGate, openReleases, rolledAwayFrom } from '../../src/publisher/index.ts';
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
    expect((await releases.log()).records).toEqual([]);
  });
  it('rises by one, each record naming the one before', async () => {
    const { releases, versions, publish } = await withVersions(2);
    const first = await publish(versions[0]!);
    const second = await publish(versions[1]!);
    expect([first.record.epoch, second.record.epoch]).toEqual([1, 2]);
    expect(second.record.prev).toBe(first.sha256);
    expect(second.record.previous?.version).toBe(versions[0]);
    expect((await releases.log()).records.map(({ record }) => record.epoch)).toEqual([1, 2]);
  });
  it('does not change when the champion is published again', async () => {
    const { releases, versions, publish } = await withVersions(1);
    const first = await publish(versions[0]!);
    expect((await publish(versions[0]!)).sha256).toBe(first.sha256);
    expect((await releases.log()).records).toHaveLength(1);
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
    const again = await releases.rollback({ ...BY, to: versions[0]! });
    expect([again.repeated, again.record.epoch]).toEqual([true, 1]);
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
    expect((await releases.log()).records).toHaveLength(1);
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
    expect((await releases.log()).records).toHaveLength(1);
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
    const { records, refused } = await releases.log();
    expect(records).toEqual([]);
    expect(refused).toMatchObject([{ epoch: 1, code: 'RELEASE_SIGNATURE' }]);
  });
});

describe('a rollback', () => {
  it('repeated signs nothing more and never brings the bad version back', async () => {
    const { releases, versions, publish } = await withVersions(3);
    for (const version of versions) await publish(version);
    const back = await releases.rollback(BY);
    expect([back.record.champion.version, back.repeated]).toEqual([versions[1], false]);
    for (let i = 0; i < 3; i++) {
      const again = await releases.rollback(BY);
      expect([again.record.epoch, again.sha256, again.repeated]).toEqual([4, back.sha256, true]);
    }
    const named = await releases.rollback({ ...BY, to: versions[0]! });
    expect(named.record).toMatchObject({ epoch: 5, champion: { version: versions[0] } });
    expect((await releases.rollback(BY)).repeated).toBe(true);
    expect((await releases.rollback({ ...BY, to: versions[0]! })).repeated).toBe(true);
    expect((await releases.log()).records).toHaveLength(5);
  });
  it('after a later release passes over what was rolled away from', async () => {
    const { releases, versions, publish } = await withVersions(3);
    await publish(versions[0]!);
    await publish(versions[1]!);
    await releases.rollback(BY);
    await publish(versions[2]!);
    const back = await releases.rollback(BY);
    expect(back.record.champion.version).toBe(versions[0]);
    // Published again, it counts again.
    await publish(versions[1]!);
    await publish(versions[2]!);
    expect((await releases.rollback(BY)).record.champion.version).toBe(versions[1]);
  });
  it('after going forward again goes back as before', async () => {
    const { releases, versions, publish } = await withVersions(2);
    await publish(versions[0]!);
    await publish(versions[1]!);
    await releases.rollback(BY);
    await releases.rollback({ ...BY, to: versions[1]! });
    const { record, repeated } = await releases.rollback(BY);
    expect([record.epoch, record.champion.version, repeated]).toEqual([5, versions[0], false]);
  });
  it('cannot release a version that the gate held', async () => {
    const { releases, versions, publish } = await withVersions(3);
    await publish(versions[0]!);
    await publish(versions[1]!);
    await expect(releases.rollback({ ...BY, to: versions[2]! })).rejects.toMatchObject({
      code: 'RELEASE_REFUSED',
      message: `${versions[2]!} was never released; released were ${versions[0]!}, ${versions[1]!}`,
    });
    expect((await releases.log()).records).toHaveLength(2);
  });
});

describe('a version that was rolled back', () => {
  /** Epochs of the rollbacks that went away from each of the versions; null = none did, or not since. */
  async function left({ releases, versions }: Awaited<ReturnType<typeof withVersions>>) {
    const { records } = await releases.log();
    const away = rolledAwayFrom(records);
    const champions = records.map(({ record }) => record.champion);
    return versions.map((version) => {
      const manifest = champions.find((one) => one.version === version)?.manifest ?? '';
      return away.get(manifest)?.record.epoch ?? null;
    });
  }
  it('is left until it is released again, by name or by a publication', async () => {
    const setup = await withVersions(2);
    const { releases, versions, publish } = setup;
    for (const version of versions) await publish(version);
    expect(await left(setup)).toEqual([null, null]);
    await releases.rollback({ actor: 'ann', reason: 'bad in production' });
    expect(await left(setup)).toEqual([null, 3]);
    await releases.rollback(BY);
    expect(await left(setup)).toEqual([null, 3]);
    await releases.rollback({ ...BY, to: versions[1]! });
    // Forward again: what was champion in between is no bad version.
    expect(await left(setup)).toEqual([null, null]);
    await releases.rollback(BY);
    expect(await left(setup)).toEqual([null, 5]);
    await publish(versions[1]!);
    expect(await left(setup)).toEqual([null, null]);
  });
  it('stays left when another is published or rolled back, and with it those in between', async () => {
    const setup = await withVersions(4);
    const { releases, versions, publish } = setup;
    for (const version of versions.slice(0, 3)) await publish(version);
    await releases.rollback({ ...BY, to: versions[0]! });
    expect(await left(setup)).toEqual([null, 4, 4, null]);
    await publish(versions[3]!);
    expect(await left(setup)).toEqual([null, 4, 4, null]);
    await releases.rollback(BY);
    expect(await left(setup)).toEqual([null, 4, 4, 6]);
    await publish(versions[1]!);
    await publish(versions[0]!);
    expect(await left(setup)).toEqual([null, null, 4, 6]);
  });
  it('stays left when what was gone back to is published once more', async () => {
    const setup = await withVersions(3);
    const { releases, versions, publish } = setup;
    await publish(versions[0]!);
    await publish(versions[1]!);
    await releases.rollback(BY);
    await publish(versions[2]!);
    await publish(versions[0]!);
    expect(await left(setup)).toEqual([null, 3, null]);
    const back = await releases.rollback(BY);
    expect(back.record.champion.version).toBe(versions[2]);
  });
  it('is left also where the record that published it is damaged', async () => {
    const setup = await withVersions(2);
    const { store, releases, versions, publish } = setup;
    for (const version of versions) await publish(version);
    const { champion } = (await releases.head())!.record;
    await releases.rollback(BY);
    await flipBit(store, releaseKey(CHANNEL, 1, 2), 100);
    const { records } = await releases.log();
    expect(rolledAwayFrom(records).get(champion.manifest)?.record.epoch).toBe(3);
  });
});

describe('a log with a bad file at its end', () => {
  async function contested(
    place: (
      setup: Awaited<ReturnType<typeof withVersions>>,
      sign: (changes: Partial<ReleaseRecord>) => Promise<Uint8Array>,
    ) => Promise<readonly [number, Uint8Array]>,
  ) {
    const setup = await withVersions(3);
    for (const version of setup.versions.slice(0, 2)) await setup.publish(version);
    const [epoch, bytes] = await place(setup, async (changes) => {
      const head = (await setup.releases.head())!;
      const { privateKey, keyid } = setup.keys;
      const next = { epoch: head.record.epoch + 1, prev: head.sha256, ...changes };
      return signRecord({ ...head.record, ...next }, privateKey, keyid);
    });
    await setup.store.put(releaseKey(CHANNEL, 1, epoch), bytes);
    return setup;
  }
  const FILES = {
    'that is not a record': () => Promise.resolve([3, Buffer.from('{}')] as const),
    'that is a copy of an old record': async ({
      store,
    }: Awaited<ReturnType<typeof withVersions>>) =>
      [3, await store.get(releaseKey(CHANNEL, 1, 1))] as const,
    'that is signed and follows from another record': async (
      _: unknown,
      sign: (changes: Partial<ReleaseRecord>) => Promise<Uint8Array>,
    ) => [3, await sign({ prev: 'f'.repeat(64) })] as const,
  };
  it.each(Object.keys(FILES) as (keyof typeof FILES)[])('%s: rolls back above it', async (file) => {
    const { releases, versions, store, keys, publish } = await contested(FILES[file]);
    const before = await releases.log();
    expect(before.records.map(({ record }) => record.epoch)).toEqual([1, 2]);
    expect(before.refused).toMatchObject([{ epoch: 3 }]);

    const back = await releases.rollback(BY);
    expect(back.record).toMatchObject({ epoch: 5, champion: { version: versions[0] } });
    expect(back.record.prev).toBe(before.records[1]!.sha256);
    await publish(versions[2]!);
    const { records, refused } = await releases.log();
    expect(records.map(({ record }) => record.epoch)).toEqual([1, 2, 5, 6]);
    expect(refused).toHaveLength(1);

    // A bidder goes on from wherever it was, also from the signed stray record.
    const accept = (state: ReturnType<typeof initialTrust>) => {
      for (const record of records.slice(2)) state = acceptRecord(state, record);
      return state.epoch;
    };
    const start = initialTrust(CHANNEL);
    const place = { key: releaseKey(CHANNEL, 1, 3), generation: 1, epoch: 3 };
    const stray = await readRelease(store, place, CHANNEL, keys.trusted).catch(() => null);
    const states = [start, acceptRecord(acceptRecord(start, records[0]!), records[1]!)];
    if (stray !== null) states.push(acceptRecord(start, stray));
    expect(states.map(accept)).toEqual(states.map(() => 6));
  });
  it('signs again what is champion: bidders may follow the bad file', async () => {
    const { releases, versions, publish } = await contested(FILES['that is not a record']);
    const again = await releases.rollback({ ...BY, to: versions[1]! });
    expect([again.repeated, again.record.epoch]).toEqual([false, 5]);
    expect((await releases.rollback({ ...BY, to: versions[1]! })).repeated).toBe(true);
    expect((await publish(versions[1]!)).record.epoch).toBe(5);
  });
  it('at an epoch no bidder would take counts for nothing', async () => {
    const far = 2 + MAX_EPOCH_STEP + 1;
    const { releases } = await contested(() => Promise.resolve([far, Buffer.from('{}')]));
    expect((await releases.rollback(BY)).record.epoch).toBe(3);
  });
  it('or in its middle keeps the records above it', async () => {
    const { releases, versions, store, publish } = await withVersions(3);
    for (const version of versions) await publish(version);
    await flipBit(store, releaseKey(CHANNEL, 1, 2), 100);
    const { records, refused } = await releases.log();
    expect(records.map(({ record }) => record.epoch)).toEqual([1, 3]);
    expect(refused).toMatchObject([{ epoch: 2 }]);
    expect((await releases.rollback(BY)).record).toMatchObject({
      epoch: 4,
      champion: { version: versions[0] },
    });
  });
});
