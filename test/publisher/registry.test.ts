import { spawnSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { blobKey, jsonBytes, manifestKey } from '../../src/contracts/index.ts';
import type { CheckpointManifest, CheckpointRole } from '../../src/contracts/index.ts';
import { sha256 } from '../../src/core/index.ts';
import { LINEAGE, smallDraft } from '../helpers/bidder-model.ts';
import { BY, flipBit, openIn, PASS, setUp, truncate } from '../helpers/publisher-setup.ts';

const keyOf = (manifest: CheckpointManifest, role: CheckpointRole): string =>
  blobKey(manifest.files.find((f) => f.role === role)!.sha256);

describe('the registry', () => {
  it('gives back exactly what was put', async () => {
    const { registry } = await setUp(onTestFinished);
    const draft = smallDraft(1);
    const { manifest } = await registry.putCheckpoint(draft);
    const { files } = await registry.readCheckpoint(manifest.version);
    for (const [role, bytes] of files) expect(sha256(bytes)).toBe(sha256(draft.files[role]!));
    expect(files.size).toBe(4);
    expect(await registry.versions()).toEqual([manifest.version]);
  });
  it('gives the same version for the same inputs, the evaluation aside', async () => {
    const { registry } = await setUp(onTestFinished);
    const draft = smallDraft(1);
    const first = await registry.putCheckpoint(draft);
    const evaluation = new Uint8Array([1, 2]);
    const again = await registry.putCheckpoint({ ...draft, files: { ...draft.files, evaluation } });
    expect(again.manifest.version).toBe(first.manifest.version);
    expect(await registry.versions()).toHaveLength(1);
  });
  it('gives equal digests in two registries, another for another seed or partition', async () => {
    const one = await setUp(onTestFinished);
    const two = await setUp(onTestFinished);
    const put = async (setup: typeof one, draft = smallDraft(1)) =>
      (await setup.registry.putCheckpoint(draft)).manifest.digest;
    const digest = await put(one);
    expect(await put(two)).toBe(digest);
    const train = [{ ...LINEAGE.train[0]!, digest: 'e' }];
    const other = smallDraft(1, { lineage: { ...smallDraft(1).lineage, train } });
    expect(await put(two, other)).not.toBe(digest);
    expect(await put(two, smallDraft(2))).not.toBe(digest);
  });
  it('numbers the revisions of a day', async () => {
    const { registry } = await setUp(onTestFinished);
    for (const seed of [1, 2]) await registry.putCheckpoint(smallDraft(seed));
    await registry.putCheckpoint(smallDraft(3, { testDay: '2026-01-11' }));
    const revisions = (await registry.versions()).map((v) => v.slice(0, 13));
    expect(revisions).toEqual(['2026-01-11-r0', '2026-01-12-r0', '2026-01-12-r1']);
  });
  it.each(['../../etc/passwd', 'latest', '2026-01-12-r0-000000000000'])(
    'does not know %s',
    async (version) => {
      const { registry } = await setUp(onTestFinished);
      await expect(registry.readCheckpoint(version)).rejects.toMatchObject({
        code: 'VERSION_UNKNOWN',
      });
    },
  );
  it('refuses a draft without golden rows and writes nothing', async () => {
    const { registry, store } = await setUp(onTestFinished);
    const { golden: _golden, ...files } = smallDraft(1).files;
    await expect(registry.putCheckpoint(smallDraft(1, { files }))).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
    });
    expect(await store.list('models')).toEqual([]);
  });
});

describe('a tampered checkpoint', () => {
  const damage: Record<
    string,
    [RegExp, (s: Awaited<ReturnType<typeof setUp>>, m: CheckpointManifest) => Promise<void>]
  > = {
    'a flipped bit in the graph': [
      /graph of .*expected sha256 \w{64}, found \w{64}/,
      ({ store }, m) => flipBit(store, keyOf(m, 'graph')),
    ],
    'a truncated normaliser': [
      /normaliser of .*expected \d+ bytes, found \d+/,
      ({ store }, m) => truncate(store, keyOf(m, 'normaliser'), 3),
    ],
    'missing golden rows': [
      /golden of .*missing/,
      async ({ store }, m) => rm(await store.localFile(keyOf(m, 'golden'))),
    ],
    'a file of an unknown role': [
      /files\.4/,
      ({ store }, m) =>
        store.put(
          manifestKey(m.version),
          jsonBytes({ ...m, files: [...m.files, { ...m.files[0], role: '../evil' }] }),
        ),
    ],
    'a second graph': [
      /two files of role graph/,
      ({ store }, m) =>
        store.put(manifestKey(m.version), jsonBytes({ ...m, files: [...m.files, m.files[0]] })),
    ],
    'another lineage': [
      /its files and lineage give/,
      ({ store }, m) =>
        store.put(manifestKey(m.version), jsonBytes({ ...m, lineage: { ...m.lineage, seed: 99 } })),
    ],
  };
  it.each(Object.keys(damage))('is refused: %s', async (name) => {
    const setup = await setUp(onTestFinished);
    const { manifest } = await setup.registry.putCheckpoint(smallDraft(1));
    const [message, tamper] = damage[name]!;
    await tamper(setup, manifest);
    await expect(setup.registry.readCheckpoint(manifest.version)).rejects.toMatchObject({
      code: 'CHECKPOINT_INVALID',
      message: expect.stringMatching(message) as string,
    });
    await expect(
      setup.releases.publish({ version: manifest.version, gate: PASS, ...BY }),
    ).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
  });
  it('is mended by putting it again', async () => {
    const { registry, store } = await setUp(onTestFinished);
    const { manifest } = await registry.putCheckpoint(smallDraft(1));
    await rm(await store.localFile(manifestKey(manifest.version)));
    await flipBit(store, keyOf(manifest, 'graph'));
    await registry.putCheckpoint(smallDraft(1));
    expect((await registry.readCheckpoint(manifest.version)).files.size).toBe(4);
  });
});

describe('kill -9', () => {
  it.each([
    ['between blobs and manifest', 'models/manifests/', 0],
    ['between manifest and record', 'releases/', 1],
  ])('%s leaves nothing half there, and the same call goes on', async (_, pattern, versions) => {
    const { dir } = await setUp(onTestFinished);
    const child = new URL('../helpers/publisher-child.ts', import.meta.url).pathname;
    const run = spawnSync(process.execPath, ['--import', 'tsx', child, dir, pattern]);
    expect(run.signal).toBe('SIGKILL');
    const { registry, releases, store } = await openIn(dir);
    expect(await store.list('models/blobs')).toHaveLength(4);
    expect(await registry.versions()).toHaveLength(versions);
    expect(await releases.head()).toBeNull();
    const { manifest } = await registry.putCheckpoint(smallDraft(1));
    const { record } = await releases.publish({ version: manifest.version, gate: PASS, ...BY });
    expect(record.epoch).toBe(1);
    expect(await store.list('models/blobs')).toHaveLength(4);
    await registry.readCheckpoint(manifest.version);
  });
});
